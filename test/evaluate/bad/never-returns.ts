import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    this.refuse(); // ~ never-returns
    return super.trainingStep(batch);
  }
  private refuse(): void {
    if (this.globalStep > 3) throw new Error("too late");
    else throw new Error("too early");
  }
}
distributedLaunch(() => new Bad(config).fit());
