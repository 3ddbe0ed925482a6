// Two models against each other (Goodfellow et al. 2014): points on a ring, a generator and a discriminator with an
// optimizer each. The generator steps every few steps of the discriminator, which is decided while the program runs.
import {
  AdamW,
  type Batch,
  type ConfigOf,
  cat,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  defineConfig,
  distributedLaunch,
  F,
  GeneratedDataset,
  nn,
  onesLike,
  rand,
  randn,
  type Tensor,
  z,
  zerosLike,
} from "dreamc";

const GanConfig = defineConfig(DreamTrainerConfig, {
  noiseSize: z.int().positive().default(8),
  hiddenSize: z.int().positive().default(64),
  learningRate: z.number().positive().default(2e-3),
  generatorEvery: z.int().positive().default(2),
});
type GanConfig = ConfigOf<typeof GanConfig>;

const network = (inputs: number, hidden: number, outputs: number) =>
  new nn.Sequential(
    new nn.Linear(inputs, hidden),
    new nn.LeakyReLU(0.2),
    new nn.Linear(hidden, hidden),
    new nn.LeakyReLU(0.2),
    new nn.Linear(hidden, outputs),
  );

class GanTrainer extends DreamTrainer<GanConfig> {
  generator!: nn.Sequential;
  discriminator!: nn.Sequential;
  generatorOptimizer!: AdamW;
  discriminatorOptimizer!: AdamW;

  override configureModels() {
    const { noiseSize, hiddenSize } = this.config;
    this.generator = network(noiseSize, hiddenSize, 2);
    this.discriminator = network(2, hiddenSize, 1);
  }
  override configureOptimizers() {
    const options = { lr: this.config.learningRate, betas: [0.5, 0.99] as const };
    this.generatorOptimizer = new AdamW(this.generator.parameters(), options);
    this.discriminatorOptimizer = new AdamW(this.discriminator.parameters(), options);
  }
  override configureDataloaders() {
    const data = new GeneratedDataset(12800, (size) => {
      const angle = rand([size, 1]).mul(2 * Math.PI);
      return { points: cat([angle.cos(), angle.sin()], { dim: 1 }) };
    });
    return new DataLoader(data, { batchSize: this.config.trainingParameters.trainBatchSize });
  }

  private generate(size: number): Tensor {
    return this.generator.forward(randn([size, this.config.noiseSize]));
  }

  override trainingStep(batch: Batch) {
    const points = batch.points!;
    const fake = this.generate(points.size(0)).detach();
    const [real, made] = [this.discriminator.forward(points), this.discriminator.forward(fake)];
    const discriminatorLoss = F.binaryCrossEntropyWithLogits(real, onesLike(real)).add(
      F.binaryCrossEntropyWithLogits(made, zerosLike(made)),
    );
    this.backward(discriminatorLoss);
    this.step(this.discriminator, this.discriminatorOptimizer);

    if (this.globalStep % this.config.generatorEvery === 0) {
      const judged = this.discriminator.forward(this.generate(points.size(0)));
      this.backward(F.binaryCrossEntropyWithLogits(judged, onesLike(judged)));
      this.step(this.generator, this.generatorOptimizer);
      this.discriminatorOptimizer.zeroGrad();
    }
    return { loss: discriminatorLoss };
  }
}

const config = GanConfig({ trainingParameters: { nEpochs: 2, trainBatchSize: 64 } });

distributedLaunch(() => new GanTrainer(config).fit());
