// What the trainers that are compared with PyTorch share: AdamW in two groups, clipping, batches in file order, and a
// buffer that keeps the last step's logits, which `--export` then writes beside the weights.
import {
  AdamW,
  type Batch,
  Buffer,
  type ConfigOf,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  defineConfig,
  F,
  nn,
  noGrad,
  type Tensor,
  TextDataset,
  z,
} from "dreamc";

export const ParityConfig = defineConfig(DreamTrainerConfig, {
  vocabSize: z.int().positive().default(61),
  hiddenSize: z.int().positive().default(32),
  numLayers: z.int().positive().default(2),
  numHeads: z.int().positive().default(4),
  sequenceLength: z.int().positive().default(16),
  learningRate: z.number().positive().default(3e-3),
  weightDecay: z.number().nonnegative().default(0.1),
  datasetPath: z.string().default("tokens"),
});
export type ParityConfig = ConfigOf<typeof ParityConfig>;

export const parityTraining = { nEpochs: 1, trainBatchSize: 4, gradientClipVal: 2, logEveryNSteps: 1 };

/** Keeps a tensor where it can be read after training. */
class Recorder extends nn.Module {
  readonly value: Buffer;
  constructor(shape: readonly number[]) {
    super();
    this.value = new Buffer(shape);
  }
  forward(x: Tensor): Tensor {
    noGrad(() => this.value.copy_(x.detach().to("f32")));
    return x;
  }
}

export abstract class ParityTrainer extends DreamTrainer<ParityConfig> {
  abstract model: nn.Module & { forward(inputIds: Tensor): Tensor };
  logits!: Recorder;
  optimizer!: AdamW;

  abstract makeModel(): void;

  override configureModels() {
    this.makeModel();
    const { vocabSize, sequenceLength, trainingParameters } = this.config;
    this.logits = new Recorder([trainingParameters.trainBatchSize, sequenceLength, vocabSize]);
  }

  override configureOptimizers() {
    const { learningRate: lr, weightDecay } = this.config;
    const parameters = this.model.parameters();
    this.optimizer = new AdamW(
      [
        { params: parameters.filter(({ ndim }) => ndim === 2), weightDecay },
        { params: parameters.filter(({ ndim }) => ndim !== 2), weightDecay: 0 },
      ],
      { lr, betas: [0.9, 0.95] },
    );
  }

  override configureDataloaders() {
    const { datasetPath, sequenceLength, vocabSize, trainingParameters } = this.config;
    const train = new TextDataset(datasetPath, { sequenceLength, vocabSize });
    return new DataLoader(train, { batchSize: trainingParameters.trainBatchSize });
  }

  override trainingStep(batch: Batch) {
    const inputIds = batch.inputIds!; // [B, T]
    const logits = this.logits.forward(this.model.forward(inputIds)); // [B, T, V]
    const loss = F.crossEntropy(logits.slice(1, 0, -1).flatten(0, 1), inputIds.slice(1, 1).flatten());
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
}
