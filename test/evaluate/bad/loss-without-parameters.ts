import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    this.backward(batch.x!.mean()); // ~ loss-without-parameters
    return {};
  }
}
distributedLaunch(() => new Bad(config).fit());
