import { checkpoint, DreamTrainerConfig, distributedLaunch, nn } from "dreamc";
import { Tiny } from "./support/tiny.js";

class Trainer extends Tiny {
  override applyActivationCheckpointing(): void {
    checkpoint(new nn.Linear(2, 2)); // ~ module-not-registered
  }
}
const config = DreamTrainerConfig({ deviceParameters: { activationCheckpointing: true } });
distributedLaunch(() => new Trainer(config).fit());
