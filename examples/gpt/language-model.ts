// A language model on token files: its config, its trainer, and how it is spread. After training it writes a sample of text.
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
  nn,
  PrepareModuleInput,
  parallelizeModule,
  Replicate,
  RowwiseParallel,
  SequenceParallel,
  Shard,
  TextDataset,
  TextSampler,
  z,
} from "dreamc";
import { GPTModel } from "./model.js";

export const LMConfig = defineConfig(
  DreamTrainerConfig,
  {
    vocabSize: z.int().positive().default(256),
    hiddenSize: z.int().positive().default(128),
    numLayers: z.int().positive().default(4),
    numHeads: z.int().positive().default(4),
    learningRate: z.number().positive().default(1e-3),
    weightDecay: z.number().nonnegative().default(0.1),
    sequenceLength: z.int().positive().default(128),
    datasetPath: z.string().default("data/corpus"),
    sampleLength: z.int().nonnegative().default(200),
  },
  {
    validate(config) {
      if (config.hiddenSize % config.numHeads !== 0) throw new Error("hiddenSize must be a multiple of numHeads");
    },
  },
);
export type LMConfig = ConfigOf<typeof LMConfig>;

export class LanguageModelTrainer extends DreamTrainer<LMConfig> {
  model!: GPTModel;
  optimizer!: AdamW;
  private sampler!: TextSampler;

  override configureModels() {
    const { vocabSize, hiddenSize, numLayers, numHeads, sequenceLength } = this.config;
    this.model = new GPTModel({ vocabSize, hiddenSize, numLayers, numHeads, sequenceLength });
    this.sampler = new TextSampler((inputIds) => this.model.forward(inputIds), { contextLength: sequenceLength });
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
    this.model.apply((module) => {
      if (module instanceof nn.Linear) {
        init.normal(module.weight, { std: 0.02 });
        if (module.bias) init.zeros(module.bias);
      } else if (module instanceof nn.Embedding) init.normal(module.weight, { std: 0.02 });
    });
  }

  override configureOptimizers() {
    const decay: nn.Parameter[] = [];
    const noDecay: nn.Parameter[] = [];
    for (const [name, parameter] of this.model.namedParameters())
      (name.includes("bias") || name.includes("norm") ? noDecay : decay).push(parameter);
    this.optimizer = new AdamW(
      [
        { params: decay, weightDecay: this.config.weightDecay },
        { params: noDecay, weightDecay: 0 },
      ],
      { lr: this.config.learningRate },
    );
  }

  override configureDataloaders() {
    const { datasetPath, sequenceLength, vocabSize } = this.config;
    const batchSize = this.config.trainingParameters.trainBatchSize;
    const train = new TextDataset(datasetPath, { sequenceLength, vocabSize, split: "train" });
    const validation = new TextDataset(datasetPath, { sequenceLength, vocabSize, split: "validation" });
    return [
      new DataLoader(train, { batchSize, sampler: this.getTrainSampler(train) }),
      new DataLoader(validation, { batchSize, sampler: this.getValSampler(validation) }),
    ] as const;
  }

  private loss(batch: Batch) {
    const inputIds = batch.inputIds!; // [B, T]
    const logits = this.model.forward(inputIds); // [B, T, V]
    return F.crossEntropy(logits.slice(1, 0, -1).flatten(0, 1), inputIds.slice(1, 1).flatten());
  }

  override trainingStep(batch: Batch) {
    const loss = this.lossParallel(() => this.loss(batch));
    this.backward(loss);
    if (this.isAccumulatingGradients) return { loss };
    const gradNorm = this.step(this.model, this.optimizer);
    return { loss, gradNorm, learningRate: this.optimizer.paramGroups[0]!.lr };
  }

  override validationStep(batch: Batch) {
    const valLoss = this.loss(batch);
    return { valLoss, valPerplexity: valLoss.exp() };
  }

  override finish() {
    this.sampler.print(this.config.sampleLength);
  }
}
