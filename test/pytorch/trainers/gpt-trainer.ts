// The GPT of the examples, small, for comparison with PyTorch.
import { GPTModel } from "../../../examples/gpt/model.js";
import { ParityTrainer } from "./parity-trainer.js";

export class GPTParityTrainer extends ParityTrainer {
  override model!: GPTModel;
  override makeModel() {
    const { vocabSize, hiddenSize, numLayers, numHeads, sequenceLength } = this.config;
    this.model = new GPTModel({ vocabSize, hiddenSize, numLayers, numHeads, sequenceLength });
  }
}
