import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    return { ...super.trainingStep(batch), note: {} as number };
  }
}
distributedLaunch(() => new Bad(config).fit()); // ~ not-printable
