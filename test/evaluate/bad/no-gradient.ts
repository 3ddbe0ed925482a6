import { setGradient } from "../../../src/language/services.js";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    for (const parameter of this.model.parameters()) setGradient(parameter, parameter); // ~ no-gradient
    return super.trainingStep(batch);
  }
}
distributedLaunch(() => new Bad(config).fit());
