import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    let rate: { value: number } | number = 1;
    if (this.globalStep > 3) rate = { value: 2 };
    const used = rate; // ~ differs-between-paths
    return { ...super.trainingStep(batch), used: used as number };
  }
}
distributedLaunch(() => new Bad(config).fit());
