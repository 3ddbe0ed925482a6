import { rankZeroPrint, type Tensor } from "dreamc";
import { distributedLaunch, Tiny, config } from "./support/tiny.js";

class Trainer extends Tiny {
  override configureModels(): void {
    super.configureModels();
    const { model } = this;
    const forward = model.forward;
    model.forward = (x: Tensor) => {
      const y = forward.call(model, x);
      rankZeroPrint(y.placements); // ~ placement-of-result
      return y;
    };
  }
}
distributedLaunch(() => new Trainer(config).fit());
