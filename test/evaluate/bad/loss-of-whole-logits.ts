// compiled
import { type Batch, DreamTrainerConfig, F } from "dreamc";
import { distributedLaunch, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyTensorParallel(): void {}
  override trainingStep(batch: Batch) {
    const loss = this.lossParallel(() =>
      F.crossEntropy(this.model.forward(batch.x!), batch.y!.int().flatten()), // ~ loss-of-whole-logits
    );
    this.backward(loss);
    this.step(this.model, this.optimizer);
    return { loss };
  }
}
const config = DreamTrainerConfig({ deviceParameters: { tensorParallel: 2, lossParallel: true } });
distributedLaunch(() => new Trainer(config).fit());
