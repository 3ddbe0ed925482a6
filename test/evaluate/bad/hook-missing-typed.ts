// types
import { DreamTrainer, DreamTrainerConfig, distributedLaunch } from "dreamc";

class Forgetful extends DreamTrainer { // ~ TS2654
  override configureModels(): void {}
}
distributedLaunch(() => new Forgetful(DreamTrainerConfig()).fit());
