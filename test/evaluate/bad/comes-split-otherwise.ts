// compiled
import { ColwiseParallel, type DeviceMesh, nn, parallelizeModule, type Tensor } from "dreamc";
import { distributedLaunch, onTwo, TwoLayerTrainer } from "./support/two-layers.js";

class Plain extends nn.Module {
  readonly upProj = new nn.Linear(2, 4);
  readonly downProj = new nn.Linear(4, 1);
  forward(x: Tensor): Tensor {
    return this.downProj.forward(this.upProj.forward(x)); // ~ comes-split-otherwise
  }
}
class Trainer extends TwoLayerTrainer {
  override configureModels(): void {
    this.model = new Plain();
  }
  override applyTensorParallel(tpMesh: DeviceMesh): void {
    parallelizeModule(this.model, tpMesh, { upProj: ColwiseParallel(), downProj: ColwiseParallel() });
  }
}
distributedLaunch(() => new Trainer(onTwo).fit());
