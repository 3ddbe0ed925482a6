// A vision transformer (Dosovitskiy et al. 2021): patches, a class token, attention in both directions, dropout.
import {
  Accuracy,
  AdamW,
  type Batch,
  cat,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  distributedLaunch,
  F,
  GeneratedDataset,
  init,
  nn,
  randn,
  type Tensor,
} from "dreamc";

class EncoderBlock extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly attn: nn.SelfAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: nn.Sequential;
  constructor(embedDim: number, numHeads: number) {
    super();
    this.norm1 = new nn.LayerNorm(embedDim);
    this.attn = new nn.SelfAttention({ embedDim, numHeads, isCausal: false });
    this.norm2 = new nn.LayerNorm(embedDim);
    this.mlp = new nn.Sequential(
      new nn.Linear(embedDim, 2 * embedDim),
      new nn.GELU(),
      new nn.Dropout(0.1),
      new nn.Linear(2 * embedDim, embedDim),
    );
  }
  forward(x: Tensor): Tensor {
    const attended = x.add(this.attn.forward(this.norm1.forward(x)));
    return attended.add(this.mlp.forward(this.norm2.forward(attended)));
  }
}

class VisionTransformer extends nn.Module {
  readonly patches: nn.Conv2d;
  readonly classToken: nn.Parameter;
  readonly positions: nn.Parameter;
  readonly blocks: nn.ModuleList<EncoderBlock>;
  readonly norm: nn.LayerNorm;
  readonly head: nn.Linear;
  constructor({
    imageSize,
    patchSize,
    embedDim,
    depth,
    numHeads,
    numClasses,
  }: { [option: string]: number } & {
    imageSize: number;
    patchSize: number;
    embedDim: number;
    depth: number;
    numHeads: number;
    numClasses: number;
  }) {
    super();
    const numPatches = (imageSize / patchSize) ** 2;
    this.patches = new nn.Conv2d(3, embedDim, patchSize, { stride: patchSize });
    this.classToken = new nn.Parameter([1, 1, embedDim]);
    this.positions = new nn.Parameter([1, numPatches + 1, embedDim]);
    this.blocks = new nn.ModuleList([...Array(depth).keys()].map(() => new EncoderBlock(embedDim, numHeads)));
    this.norm = new nn.LayerNorm(embedDim);
    this.head = new nn.Linear(embedDim, numClasses);
  }
  override resetParameters() {
    init.zeros(this.classToken);
    init.truncNormal(this.positions, { std: 0.02 });
  }
  /** `images [B, 3, H, W]` to logits `[B, numClasses]`. */
  forward(images: Tensor): Tensor {
    const tokens = this.patches.forward(images).flatten(2).transpose(1, 2);
    const classToken = this.classToken.expand([images.size(0), -1, -1]);
    let x = cat([classToken, tokens], { dim: 1 }).add(this.positions);
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x).select(1, 0));
  }
}

class Classifier extends DreamTrainer {
  model!: VisionTransformer;
  optimizer!: AdamW;
  accuracy!: Accuracy;

  override configureModels() {
    this.model = new VisionTransformer({
      imageSize: 6,
      patchSize: 2,
      embedDim: 8,
      depth: 2,
      numHeads: 2,
      numClasses: 2,
    });
  }
  override configureOptimizers() {
    this.optimizer = new AdamW(this.model.parameters(), { lr: 5e-3 });
  }
  override configureMetrics() {
    this.accuracy = new Accuracy();
  }
  override configureDataloaders() {
    const { trainBatchSize: batchSize } = this.config.trainingParameters;
    const data = (numSamples: number) =>
      new GeneratedDataset(numSamples, (size) => {
        const images = randn([size, 3, 6, 6]);
        return {
          images,
          labels: images
            .slice(2, 0, 3)
            .mean({ dim: [1, 2, 3] })
            .gt(0)
            .to("i32"),
        };
      });
    return [new DataLoader(data(64), { batchSize }), new DataLoader(data(32), { batchSize })] as const;
  }
  override trainingStep({ images, labels }: Batch) {
    const loss = F.crossEntropy(this.model.forward(images!), labels!, { labelSmoothing: 0.05 });
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
  override validationStep({ images, labels }: Batch) {
    const logits = this.model.forward(images!);
    this.accuracy.update(logits, labels!);
    return { valLoss: F.crossEntropy(logits, labels!) };
  }
}

const config = DreamTrainerConfig({
  trainingParameters: { nEpochs: 6, trainBatchSize: 8, valFrequency: 1, valBatches: 2 },
});
distributedLaunch(() => new Classifier(config).fit());
