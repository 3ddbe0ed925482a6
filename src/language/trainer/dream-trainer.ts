// The trainer with everything: setup by hooks, and the techniques that `DeviceParameters` asks for.
import type { Batch } from "../data/data-loader.js";
import { splittingLosses } from "../services.js";
import type { Tensor } from "../tensor.js";
import { BaseTrainer, type StepResult } from "./base-trainer.js";
import type { DreamTrainerConfig } from "./config.js";
import { SetupMixin } from "./setup-mixin.js";

/**
 * The trainer that has everything. Write `configureModels`, `configureOptimizers`, `configureDataloaders` and
 * `trainingStep`; override the other hooks as needed.
 */
export abstract class DreamTrainer<Config extends DreamTrainerConfig = DreamTrainerConfig> extends SetupMixin(
  BaseTrainer,
) {
  declare readonly config: Config;
  abstract override trainingStep(batch: Batch, batchIdx: number): StepResult;

  /**
   * The loss of `body`. With `deviceParameters.lossParallel`, logits of cross-entropies inside come split over the
   * vocabulary and stay so, forward and backward; logits that come whole are an error.
   */
  lossParallel(body: () => Tensor): Tensor {
    const { lossParallel, tensorParallel } = this.config.deviceParameters;
    return lossParallel && tensorParallel > 1 ? splittingLosses("tp", body) : body();
  }
}

/** Starts the program that a trainer becomes. */
export function distributedLaunch(body: () => void): void {
  body();
}
