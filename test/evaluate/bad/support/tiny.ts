// A trainer that has everything, so that a fixture needs only what is wrong with it.
import { type Batch, DataLoader, distributedLaunch, DreamTrainer, DreamTrainerConfig, F, GeneratedDataset, nn, randn, SGD } from "dreamc";

export class Tiny extends DreamTrainer {
  model!: nn.Module & { forward(x: Batch["x"] & object): Batch["x"] & object };
  optimizer!: SGD;
  override configureModels(): void {
    this.model = new nn.Linear(2, 1);
  }
  override configureOptimizers(): void {
    this.optimizer = new SGD(this.model.parameters(), { lr: 0.1 });
  }
  override configureDataloaders() {
    const data = new GeneratedDataset(8, (size) => ({ x: randn([size, 2]), y: randn([size, 1]) }));
    return new DataLoader(data, { batchSize: 4 });
  }
  override trainingStep(batch: Batch): { readonly [name: string]: Batch["x"] | number } {
    const loss = F.mseLoss(this.model.forward(batch.x!), batch.y!);
    this.backward(loss);
    this.step(this.model, this.optimizer);
    return { loss };
  }
}

export const config = DreamTrainerConfig();
export { distributedLaunch };
