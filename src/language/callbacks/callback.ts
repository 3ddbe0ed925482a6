// Callbacks: code of their own that a trainer calls at fixed points. Numbers that a callback keeps are its state.
import type { BaseTrainer, StepResult } from "../trainer/base-trainer.js";

/**
 * Code of its own that a trainer calls at fixed points; a hook that is not overridden does nothing. `batchIdx` counts
 * the steps of an epoch from 0.
 */
export abstract class Callback<T extends BaseTrainer = BaseTrainer> {
  trainer!: T;
  /** Before models, optimizers and loaders are made. */
  preSetup(): void {}
  postSetup(): void {}
  preFit(): void {}
  postFit(): void {}
  preTrainEpoch(): void {}
  postTrainEpoch(): void {}
  preTrainStep(_batchIdx: number): void {}
  postTrainStep(_result: StepResult, _batchIdx: number): void {}
  preOptimizerStep(): void {}
  postOptimizerStep(): void {}
  preOptimizerZeroGrad(): void {}
  postOptimizerZeroGrad(): void {}
  preValidationEpoch(): void {}
  postValidationEpoch(_metrics: { readonly [name: string]: number }): void {}
  preValidationStep(_batchIdx: number): void {}
  postValidationStep(_result: StepResult, _batchIdx: number): void {}
}

/** Callbacks in the order in which they are called. */
export class CallbackCollection {
  // biome-ignore lint/suspicious/noExplicitAny: callbacks of any trainer
  constructor(readonly callbacks: readonly Callback<any>[]) {}
  attach(trainer: BaseTrainer): void {
    for (const callback of this.callbacks) callback.trainer = trainer;
  }
  call(visit: (callback: Callback) => void): void {
    for (const callback of this.callbacks) visit(callback);
  }
}

/** Raises the learning rate from 0 to its initial value over the first optimizer steps. */
export class LearningRateWarmup extends Callback {
  constructor(readonly warmupSteps: number) {
    super();
  }
  override preTrainStep(): void {
    const { globalStep } = this.trainer;
    if (globalStep <= this.warmupSteps) {
      const scale = Math.min(1, (globalStep + 1) / this.warmupSteps);
      for (const optimizer of this.trainer.optimizers())
        for (const group of optimizer.paramGroups) group.lr = group.initialLr * scale;
    }
  }
}

/** How often numbers go to the console. */
export class LoggerCallback extends Callback {
  readonly logEveryNTrainBatches: number;
  constructor({ logEveryNTrainBatches = 10 }: { logEveryNTrainBatches?: number } = {}) {
    super();
    this.logEveryNTrainBatches = logEveryNTrainBatches;
  }
  override preFit(): void {
    this.trainer.logEvery = this.logEveryNTrainBatches;
  }
}
