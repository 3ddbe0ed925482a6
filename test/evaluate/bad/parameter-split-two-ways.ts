import { ColwiseParallel, type DeviceMesh, nn, parallelizeModule, type Tensor } from "dreamc";
import { distributedLaunch, onTwo, TwoLayerTrainer } from "./support/two-layers.js";

class Tied extends nn.Module {
  readonly embedding = new nn.Embedding(8, 4);
  readonly head = new nn.Linear(4, 8, { bias: false, weight: this.embedding.weight });
  forward(x: Tensor): Tensor {
    return this.head.forward(this.embedding.forward(x.int().flatten()));
  }
}
class Trainer extends TwoLayerTrainer {
  override configureModels(): void {
    this.model = new Tied();
  }
  override applyTensorParallel(tpMesh: DeviceMesh): void {
    parallelizeModule(this.model, tpMesh, { embedding: ColwiseParallel(), head: ColwiseParallel() }); // ~ parameter-split-two-ways
  }
}
distributedLaunch(() => new Trainer(onTwo).fit());
