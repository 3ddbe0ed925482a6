import { nn, SGD } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override configureModels(): void {
    this.model = new nn.Linear(2, 1); // ~ parameter-without-optimizer
  }
  override configureOptimizers(): void {
    const [weight] = this.model.parameters();
    this.optimizer = new SGD([weight!], { lr: 0.1 });
  }
}
distributedLaunch(() => new Bad(config).fit());
