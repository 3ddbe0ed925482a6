// A small convolution network with batch and group norm, pools, Lion, and a warm-up written by hand.
import {
  type Batch,
  Callback,
  CallbackCollection,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  distributedLaunch,
  F,
  GeneratedDataset,
  Lion,
  nn,
  randn,
  type Tensor,
} from "dreamc";

class ConvNet extends nn.Module {
  readonly features: nn.Sequential;
  readonly depthwise: nn.Conv2d;
  readonly norm: nn.GroupNorm;
  readonly classifier: nn.Sequential;
  constructor(channels: number) {
    super();
    this.features = new nn.Sequential(
      new nn.Conv2d(1, channels, 3, { padding: 1 }),
      new nn.BatchNorm2d(channels),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
    );
    this.depthwise = new nn.Conv2d(channels, channels, 3, { padding: 1, groups: channels, bias: false });
    this.norm = new nn.GroupNorm(2, channels);
    this.classifier = new nn.Sequential(new nn.AvgPool2d(2), new nn.Flatten(), new nn.Linear(channels * 4, 3));
  }
  forward(x: Tensor): Tensor {
    const features = this.features.forward(x);
    return this.classifier.forward(features.add(this.norm.forward(this.depthwise.forward(features)).silu()));
  }
}

class Warmup extends Callback<ConvTrainer> {
  constructor(readonly warmupSteps: number) {
    super();
  }
  override postTrainStep() {
    if (this.trainer.globalStep < this.warmupSteps) {
      const scale = this.trainer.globalStep / this.warmupSteps;
      for (const group of this.trainer.optimizer.paramGroups) group.lr = group.initialLr * scale;
    }
  }
}

class ConvTrainer extends DreamTrainer {
  model!: ConvNet;
  optimizer!: Lion;
  override configureModels() {
    this.model = new ConvNet(4);
  }
  override configureOptimizers() {
    this.optimizer = new Lion(this.model.parameters(), { lr: 3e-3, weightDecay: 0.01 });
  }
  override configureDataloaders() {
    const { trainBatchSize: batchSize } = this.config.trainingParameters;
    const data = () =>
      new GeneratedDataset(batchSize * 20, (size) => {
        const x = randn([size, 1, 8, 8]);
        return {
          x,
          y: x
            .slice(2, 0, 4)
            .unflatten(3, [2, 4])
            .mean({ dim: [1, 2, 4] })
            .argmax({ dim: -1 }),
        };
      });
    return [new DataLoader(data(), { batchSize }), new DataLoader(data(), { batchSize })] as const;
  }
  override trainingStep({ x, y }: Batch) {
    const loss = F.crossEntropy(this.model.forward(x!), y!);
    this.backward(loss);
    this.step(this.model, this.optimizer);
    return { loss, learningRate: this.optimizer.paramGroups[0]!.lr };
  }
  override validationStep({ x, y }: Batch) {
    return { valLoss: F.crossEntropy(this.model.forward(x!), y!) };
  }
}

const config = DreamTrainerConfig({
  trainingParameters: { nEpochs: 2, trainBatchSize: 6, valFrequency: 1, valBatches: 1 },
  callbacks: new CallbackCollection([new Warmup(5)]),
});
distributedLaunch(() => new ConvTrainer(config).fit());
