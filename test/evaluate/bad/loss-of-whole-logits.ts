// compiled
import { type Batch, ColwiseParallel, type DeviceMesh, DreamTrainerConfig, F, parallelizeModule, Replicate } from "dreamc";
import { distributedLaunch, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyTensorParallel(tpMesh: DeviceMesh): void {
    parallelizeModule(this.model, tpMesh, { downProj: ColwiseParallel({ outputLayouts: Replicate() }) });
  }
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
