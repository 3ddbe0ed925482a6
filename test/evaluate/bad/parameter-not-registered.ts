import { nn, type Tensor } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

const hidden = new nn.Linear(1, 1);
class Bad extends Tiny {
  override trainingStep(batch: Parameters<Tiny["trainingStep"]>[0]) {
    hidden.forward(batch.y as Tensor); // ~ parameter-not-registered
    return super.trainingStep(batch);
  }
}
distributedLaunch(() => new Bad(config).fit());
