// A Llama-style language model on token files: its config and its trainer, with warm-up and cosine decay.
import {
  AdamW,
  type Batch,
  ColwiseParallel,
  type ConfigOf,
  checkpoint,
  DataLoader,
  type DeviceMesh,
  DreamTrainer,
  DreamTrainerConfig,
  defineConfig,
  F,
  type FullyShardConfig,
  fullyShard,
  init,
  PrepareModuleInput,
  parallelizeModule,
  Replicate,
  RowwiseParallel,
  SequenceParallel,
  Shard,
  TextDataset,
  WarmupCosineLR,
  z,
} from "dreamc";
import { Llama } from "./model.js";

export const LlamaConfig = defineConfig(DreamTrainerConfig, {
  vocabSize: z.int().positive().default(256),
  hiddenSize: z.int().positive().default(128),
  intermediateSize: z.int().positive().default(352),
  numLayers: z.int().positive().default(4),
  numHeads: z.int().positive().default(4),
  numKeyValueHeads: z.int().positive().default(2),
  ropeBase: z.number().positive().default(10000),
  tieEmbeddings: z.boolean().default(true),
  learningRate: z.number().positive().default(1e-3),
  warmupSteps: z.int().nonnegative().default(20),
  totalSteps: z.int().positive().default(1000),
  sequenceLength: z.int().positive().default(128),
  datasetPath: z.string().default("data/corpus"),
});
export type LlamaConfig = ConfigOf<typeof LlamaConfig>;

export class LlamaTrainer extends DreamTrainer<LlamaConfig> {
  model!: Llama;
  optimizer!: AdamW;
  scheduler!: WarmupCosineLR;

  override configureModels() {
    this.model = new Llama(this.config);
  }
  override applyTensorParallel(tpMesh: DeviceMesh) {
    const { lossParallel } = this.config.deviceParameters;
    const [whole, sequence] = [Replicate(), Shard(1)];
    parallelizeModule(this.model, tpMesh, {
      tokenEmbedding: RowwiseParallel({ outputLayouts: sequence }),
      "blocks.*.norm1": SequenceParallel(),
      "blocks.*.attn": PrepareModuleInput({ inputLayouts: sequence, desiredInputLayouts: whole }),
      "blocks.*.attn.qProj": ColwiseParallel(),
      "blocks.*.attn.kProj": ColwiseParallel(),
      "blocks.*.attn.vProj": ColwiseParallel(),
      "blocks.*.attn.outProj": RowwiseParallel({ outputLayouts: sequence }),
      "blocks.*.norm2": SequenceParallel(),
      "blocks.*.mlp": PrepareModuleInput({ inputLayouts: sequence, desiredInputLayouts: whole }),
      "blocks.*.mlp.gateProj": ColwiseParallel(),
      "blocks.*.mlp.upProj": ColwiseParallel(),
      "blocks.*.mlp.downProj": RowwiseParallel({ outputLayouts: sequence }),
      norm: SequenceParallel(),
      head: ColwiseParallel({ inputLayouts: sequence, outputLayouts: lossParallel ? Shard(-1) : whole }),
    });
  }

  override applyActivationCheckpointing() {
    for (const block of this.model.blocks) checkpoint(block);
  }

  override applyFullyShard(config: FullyShardConfig) {
    for (const block of this.model.blocks) fullyShard(block, config);
    fullyShard(this.model, config);
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
    const loss = this.lossParallel(() =>
      F.crossEntropy(logits.slice(1, 0, -1).flatten(0, 1), inputIds.slice(1, 1).flatten()),
    );
    this.backward(loss);
    if (this.isAccumulatingGradients) return { loss };
    return { loss, gradNorm: this.step(this.model, this.optimizer), learningRate: this.optimizer.paramGroups[0]!.lr };
  }
}
