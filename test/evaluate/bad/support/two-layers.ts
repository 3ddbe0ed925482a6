// A trainer of two linear maps, so that a fixture needs only a plan that is wrong.
import { DreamTrainerConfig, distributedLaunch, nn, type Tensor } from "dreamc";
import { Tiny } from "./tiny.js";

export class TwoLayers extends nn.Module {
  readonly upProj = new nn.Linear(2, 4);
  readonly norm = new nn.LayerNorm(4);
  readonly downProj = new nn.Linear(4, 1);
  forward(x: Tensor): Tensor {
    return this.downProj.forward(this.norm.forward(this.upProj.forward(x)));
  }
}
export class TwoLayerTrainer extends Tiny {
  override configureModels(): void {
    this.model = new TwoLayers();
  }
}
export const onTwo = DreamTrainerConfig({ deviceParameters: { tensorParallel: 2 } });
export { distributedLaunch };
