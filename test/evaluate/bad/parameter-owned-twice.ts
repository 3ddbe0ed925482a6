import { SGD } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  second!: SGD;
  override configureOptimizers(): void {
    super.configureOptimizers();
    this.second = new SGD(this.model.parameters(), { lr: 0.2 });
  }
}
distributedLaunch(() => new Bad(config).fit()); // ~ parameter-owned-twice
