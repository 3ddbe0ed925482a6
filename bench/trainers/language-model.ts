// What the benchmark trains: the GPT of the examples, with the batches, the clipping and the AdamW that bench/pytorch.py
// has. A table of positions may be longer than the sequences that are trained on, as in GPT-2.
import {
  AdamW,
  type Batch,
  type ConfigOf,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  defineConfig,
  F,
  init,
  nn,
  TextDataset,
  z,
} from "dreamc";
import { GPTModel } from "../../examples/gpt/model.js";

export const BenchmarkConfig = defineConfig(DreamTrainerConfig, {
  vocabSize: z.int().positive().default(50257),
  hiddenSize: z.int().positive().default(768),
  numLayers: z.int().positive().default(12),
  numHeads: z.int().positive().default(12),
  numPositions: z.int().positive().default(1024),
  sequenceLength: z.int().positive().default(256),
  datasetPath: z.string().default("build/bench/tokens"),
});
export type BenchmarkConfig = ConfigOf<typeof BenchmarkConfig>;

/** Epochs without end: `--max-steps` ends a run. */
export const benchmarkTraining = { nEpochs: 1000, trainBatchSize: 4, gradientClipVal: 1 };

export class BenchmarkTrainer extends DreamTrainer<BenchmarkConfig> {
  model!: GPTModel;
  optimizer!: AdamW;

  override configureModels() {
    const { vocabSize, hiddenSize, numLayers, numHeads, numPositions: sequenceLength } = this.config;
    this.model = new GPTModel({ vocabSize, hiddenSize, numLayers, numHeads, sequenceLength });
  }
  override initWeights() {
    this.model.apply((module) => {
      if (module instanceof nn.Linear || module instanceof nn.Embedding) init.normal(module.weight, { std: 0.02 });
      if (module instanceof nn.Linear && module.bias) init.zeros(module.bias);
    });
  }
  override configureOptimizers() {
    const parameters = this.model.parameters();
    this.optimizer = new AdamW(
      [
        { params: parameters.filter(({ ndim }) => ndim === 2), weightDecay: 0.1 },
        { params: parameters.filter(({ ndim }) => ndim !== 2), weightDecay: 0 },
      ],
      { lr: 3e-4 },
    );
  }
  override configureDataloaders() {
    const { datasetPath, sequenceLength, vocabSize, trainingParameters } = this.config;
    const train = new TextDataset(datasetPath, { sequenceLength, vocabSize });
    return new DataLoader(train, { batchSize: trainingParameters.trainBatchSize, shuffle: true });
  }
  override trainingStep(batch: Batch) {
    const inputIds = batch.inputIds!; // [B, T]
    const logits = this.model.forward(inputIds); // [B, T, V]
    const loss = F.crossEntropy(logits.slice(1, 0, -1).flatten(0, 1), inputIds.slice(1, 1).flatten());
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
}
