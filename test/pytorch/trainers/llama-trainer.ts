// The Llama of the examples, small, for comparison with PyTorch.
import { Llama } from "../../../examples/llama/model.js";
import { ParityTrainer } from "./parity-trainer.js";

export class LlamaParityTrainer extends ParityTrainer {
  override model!: Llama;
  override makeModel() {
    const { vocabSize, hiddenSize, numLayers, numHeads } = this.config;
    this.model = new Llama({
      vocabSize,
      hiddenSize,
      intermediateSize: 88,
      numLayers,
      numHeads,
      numKeyValueHeads: 2,
      ropeBase: 10000,
    });
  }
}
