import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  readonly losses: number[] = [];
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    this.losses.push(this.globalStep); // ~ list-grows-at-run-time
    return super.trainingStep(batch);
  }
}
distributedLaunch(() => new Bad(config).fit());
