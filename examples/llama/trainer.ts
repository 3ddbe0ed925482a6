// A Llama-style language model (Touvron et al. 2023): RMSNorm, rotary positions, grouped key heads, SwiGLU, tied
// embeddings.
import {
  AdamW,
  type Batch,
  type ConfigOf,
  DataLoader,
  defineConfig,
  distributedLaunch,
  DreamTrainer,
  DreamTrainerConfig,
  F,
  init,
  nn,
  type Tensor,
  TextDataset,
  WarmupCosineLR,
  z,
} from "dreamc";

const LlamaConfig = defineConfig(DreamTrainerConfig, {
  vocabSize: z.int().positive().default(256),
  hiddenSize: z.int().positive().default(128),
  intermediateSize: z.int().positive().default(352),
  numLayers: z.int().positive().default(4),
  numHeads: z.int().positive().default(4),
  numKeyValueHeads: z.int().positive().default(2),
  ropeBase: z.number().positive().default(10000),
  learningRate: z.number().positive().default(1e-3),
  warmupSteps: z.int().nonnegative().default(20),
  totalSteps: z.int().positive().default(1000),
  sequenceLength: z.int().positive().default(128),
  datasetPath: z.string().default("data/corpus"),
});
type LlamaConfig = ConfigOf<typeof LlamaConfig>;

/** silu(x gate) * (x up), projected down (Shazeer 2020). */
class SwiGLU extends nn.Module {
  readonly gateProj: nn.Linear;
  readonly upProj: nn.Linear;
  readonly downProj: nn.Linear;
  constructor(hiddenSize: number, intermediateSize: number) {
    super();
    this.gateProj = new nn.Linear(hiddenSize, intermediateSize, { bias: false });
    this.upProj = new nn.Linear(hiddenSize, intermediateSize, { bias: false });
    this.downProj = new nn.Linear(intermediateSize, hiddenSize, { bias: false });
  }
  forward(x: Tensor): Tensor {
    return this.downProj.forward(this.gateProj.forward(x).silu().mul(this.upProj.forward(x)));
  }
}

class Block extends nn.Module {
  readonly norm1: nn.RMSNorm;
  readonly attn: nn.SelfAttention;
  readonly norm2: nn.RMSNorm;
  readonly mlp: SwiGLU;
  constructor({ hiddenSize, intermediateSize, numHeads, numKeyValueHeads, ropeBase }: LlamaConfig) {
    super();
    const rotary = new nn.RotaryEmbedding(hiddenSize / numHeads, ropeBase);
    this.norm1 = new nn.RMSNorm(hiddenSize);
    this.attn = new nn.SelfAttention({ embedDim: hiddenSize, numHeads, numKeyValueHeads, bias: false, rotary });
    this.norm2 = new nn.RMSNorm(hiddenSize);
    this.mlp = new SwiGLU(hiddenSize, intermediateSize);
  }
  forward(x: Tensor): Tensor {
    const attended = x.add(this.attn.forward(this.norm1.forward(x)));
    return attended.add(this.mlp.forward(this.norm2.forward(attended)));
  }
}

class Llama extends nn.Module {
  readonly tokenEmbedding: nn.Embedding;
  readonly blocks: nn.ModuleList<Block>;
  readonly norm: nn.RMSNorm;
  readonly head: nn.Linear;
  constructor(config: LlamaConfig) {
    super();
    const { vocabSize, hiddenSize, numLayers } = config;
    this.tokenEmbedding = new nn.Embedding(vocabSize, hiddenSize);
    this.blocks = new nn.ModuleList(Array.from({ length: numLayers }, () => new Block(config)));
    this.norm = new nn.RMSNorm(hiddenSize);
    this.head = new nn.Linear(hiddenSize, vocabSize, { bias: false, weight: this.tokenEmbedding.weight });
  }
  /** `inputIds [B, T]` to logits `[B, T, vocabSize]`. */
  forward(inputIds: Tensor): Tensor {
    let x = this.tokenEmbedding.forward(inputIds);
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}

class LlamaTrainer extends DreamTrainer<LlamaConfig> {
  model!: Llama;
  optimizer!: AdamW;
  scheduler!: WarmupCosineLR;

  override configureModels() {
    this.model = new Llama(this.config);
  }
  override initWeights() {
    for (const parameter of this.model.parameters()) if (parameter.ndim === 2) init.normal(parameter, { std: 0.02 });
  }
  override configureOptimizers() {
    this.optimizer = new AdamW(this.model.parameters(), { lr: this.config.learningRate, betas: [0.9, 0.95] });
  }
  override configureSchedulers() {
    const { warmupSteps, totalSteps, learningRate } = this.config;
    this.scheduler = new WarmupCosineLR(this.optimizer, { warmupSteps, totalSteps, etaMin: learningRate * 0.1 });
  }
  override configureDataloaders() {
    const { datasetPath, sequenceLength, vocabSize } = this.config;
    const train = new TextDataset(datasetPath, { sequenceLength, vocabSize, split: "train" });
    return new DataLoader(train, {
      batchSize: this.config.trainingParameters.trainBatchSize,
      sampler: this.getTrainSampler(train),
    });
  }
  override trainingStep(batch: Batch) {
    const inputIds = batch.inputIds!; // [B, T]
    const logits = this.model.forward(inputIds); // [B, T, V]
    const loss = F.crossEntropy(logits.slice(1, 0, -1).flatten(0, 1), inputIds.slice(1, 1).flatten());
    this.backward(loss);
    if (this.isAccumulatingGradients) return { loss };
    return { loss, gradNorm: this.step(this.model, this.optimizer), learningRate: this.optimizer.paramGroups[0]!.lr };
  }
}

const config = LlamaConfig({
  trainingParameters: { trainBatchSize: 16, gradientAccumulationSteps: 2, gradientClipVal: 1 },
});

distributedLaunch(() => new LlamaTrainer(config).fit());
