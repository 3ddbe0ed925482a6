import { randn } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override initWeights(): void {
    this.model.parameters()[0]!.copy_(randn([3, 1, 2])); // ~ cannot-expand
  }
}
distributedLaunch(() => new Bad(config).fit());
