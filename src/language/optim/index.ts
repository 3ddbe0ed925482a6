// Optimizers, schedules and limits on gradients.
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { clipGradNorm, clipGradValue, gradNorm } from "./clip.js";
export { type GroupOptions, Optimizer, type ParamGroup } from "./optimizer.js";
export {
  CosineAnnealingLR,
  LambdaLR,
  LinearLR,
  LRScheduler,
  type SchedulerOptions,
  StepLR,
  WarmupCosineLR,
} from "./schedulers.js";
export { Lion, type LionOptions, SGD, type SGDOptions } from "./sgd.js";
