// Learning-rate schedules. `step()` moves to the next place; how often it is called is the scheduler's `interval`.
import { runtime } from "../services.js";
import type { AnyOptimizer } from "./optimizer.js";

/** When a scheduler steps. */
export interface SchedulerOptions {
  /** Whether the trainer steps it once an epoch or once an optimizer step. */
  readonly interval?: "epoch" | "step";
}

/**
 * Multiplies the initial rates of an optimizer's groups by a factor of the step; a scheduler of one's own says which.
 */
export abstract class LRScheduler {
  /** Steps taken. */
  lastEpoch = runtime(0);
  readonly interval: "epoch" | "step";
  constructor(
    readonly optimizer: AnyOptimizer,
    { interval = "epoch" }: SchedulerOptions = {},
  ) {
    this.interval = interval;
  }
  /** What the initial rate is multiplied by after `epoch` steps. */
  abstract factor(epoch: number, initialLr: number): number;
  /** Sets the rates for the current place; the trainer does it before the first step. */
  apply(): void {
    for (const group of this.optimizer.paramGroups)
      group.lr = group.initialLr * this.factor(this.lastEpoch, group.initialLr);
  }
  step(): void {
    this.lastEpoch += 1;
    this.apply();
  }
}

/** Any function of the step. */
export class LambdaLR extends LRScheduler {
  constructor(
    optimizer: AnyOptimizer,
    readonly lambda: (epoch: number) => number,
    options: SchedulerOptions = {},
  ) {
    super(optimizer, options);
  }
  override factor(epoch: number): number {
    return this.lambda(epoch);
  }
}

/** `gamma` times smaller every `stepSize` steps. */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;
  constructor(
    optimizer: AnyOptimizer,
    { stepSize, gamma = 0.1, ...options }: { stepSize: number; gamma?: number } & SchedulerOptions,
  ) {
    super(optimizer, options);
    this.stepSize = stepSize;
    this.gamma = gamma;
  }
  override factor(epoch: number): number {
    return this.gamma ** Math.floor(epoch / this.stepSize);
  }
}

/** From `startFactor` to `endFactor` in `totalIters` steps. */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;
  constructor(
    optimizer: AnyOptimizer,
    {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
      ...options
    }: { startFactor?: number; endFactor?: number; totalIters?: number } & SchedulerOptions = {},
  ) {
    super(optimizer, options);
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
  }
  override factor(epoch: number): number {
    return this.startFactor + (this.endFactor - this.startFactor) * Math.min(1, epoch / this.totalIters);
  }
}

/** Half a cosine from the initial rate to `etaMin` in `tMax` steps (Loshchilov and Hutter 2017). */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;
  constructor(
    optimizer: AnyOptimizer,
    { tMax, etaMin = 0, ...options }: { tMax: number; etaMin?: number } & SchedulerOptions,
  ) {
    super(optimizer, options);
    this.tMax = tMax;
    this.etaMin = etaMin;
  }
  override factor(epoch: number, initialLr: number): number {
    const floor = this.etaMin / initialLr;
    return floor + ((1 - floor) * (1 + Math.cos((Math.PI * epoch) / this.tMax))) / 2;
  }
}

/** Linear rise over `warmupSteps`, then half a cosine down to `etaMin` at `totalSteps`; stepped every step unless told. */
export class WarmupCosineLR extends LRScheduler {
  readonly warmupSteps: number;
  readonly totalSteps: number;
  readonly etaMin: number;
  constructor(
    optimizer: AnyOptimizer,
    {
      warmupSteps,
      totalSteps,
      etaMin = 0,
      interval = "step",
    }: { warmupSteps: number; totalSteps: number; etaMin?: number } & SchedulerOptions,
  ) {
    super(optimizer, { interval });
    this.warmupSteps = warmupSteps;
    this.totalSteps = totalSteps;
    this.etaMin = etaMin;
  }
  override factor(step: number, initialLr: number): number {
    const floor = this.etaMin / initialLr;
    const rise = (step + 1) / Math.max(1, this.warmupSteps);
    const done = Math.min(1, Math.max(0, step - this.warmupSteps) / Math.max(1, this.totalSteps - this.warmupSteps));
    return Math.min(rise, floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
  }
}
