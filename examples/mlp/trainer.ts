// Regression on generated data: the smallest trainer.
import {
  AdamW,
  type Batch,
  DataLoader,
  DreamTrainer,
  DreamTrainerConfig,
  distributedLaunch,
  F,
  GeneratedDataset,
  nn,
  randn,
} from "dreamc";

class Regression extends DreamTrainer {
  model!: nn.Sequential;
  optimizer!: AdamW;

  override configureModels() {
    this.model = new nn.Sequential(new nn.Linear(8, 64), new nn.GELU(), new nn.Linear(64, 1));
  }
  override configureOptimizers() {
    this.optimizer = new AdamW(this.model.parameters(), { lr: 1e-2 });
  }
  override configureDataloaders() {
    const data = new GeneratedDataset(6400, (size) => {
      const x = randn([size, 8]);
      return {
        x,
        y: x
          .narrow(1, 0, 2)
          .mul(x.narrow(1, 2, 2))
          .sum({ dim: 1, keepdim: true })
          .sin(),
      };
    });
    return new DataLoader(data, { batchSize: this.config.trainingParameters.trainBatchSize });
  }
  override trainingStep(batch: Batch) {
    const loss = F.mseLoss(this.model.forward(batch.x!), batch.y!);
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
}

const config = DreamTrainerConfig({ trainingParameters: { nEpochs: 4, trainBatchSize: 64 } });

distributedLaunch(() => new Regression(config).fit());
