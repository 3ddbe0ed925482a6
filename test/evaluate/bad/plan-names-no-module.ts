import { ColwiseParallel, type DeviceMesh, parallelizeModule } from "dreamc";
import { distributedLaunch, onTwo, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyTensorParallel(tpMesh: DeviceMesh): void {
    parallelizeModule(this.model, tpMesh, { upPorj: ColwiseParallel() }); // ~ plan-names-no-module
  }
}
distributedLaunch(() => new Trainer(onTwo).fit());
