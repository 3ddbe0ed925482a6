import { type DeviceMesh, parallelizeModule, RowwiseParallel } from "dreamc";
import { distributedLaunch, onTwo, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyTensorParallel(tpMesh: DeviceMesh): void {
    parallelizeModule(this.model, tpMesh, { norm: RowwiseParallel() }); // ~ style-does-not-fit
  }
}
distributedLaunch(() => new Trainer(onTwo).fit());
