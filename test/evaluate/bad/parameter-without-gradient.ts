import { nn, type Tensor } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class TwoHeads extends nn.Module {
  readonly used = new nn.Linear(2, 1);
  readonly unused = new nn.Linear(2, 3); // ~ parameter-without-gradient parameter-without-gradient
  forward(x: Tensor): Tensor {
    return this.used.forward(x);
  }
}
class Bad extends Tiny {
  override configureModels(): void {
    this.model = new TwoHeads();
  }
}
distributedLaunch(() => new Bad(config).fit());
