import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    (this as { globalStep: unknown }).globalStep = "first"; // ~ run-time-type-changes
    return super.trainingStep(batch);
  }
}
distributedLaunch(() => new Bad(config).fit());
