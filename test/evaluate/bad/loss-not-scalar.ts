import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    this.backward(this.model.forward(batch.x!)); // ~ loss-not-scalar
    return {};
  }
}
distributedLaunch(() => new Bad(config).fit());
