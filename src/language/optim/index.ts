// Optimizers, schedules and limits on gradients.
export { Adam, AdamW, type AdamOptions } from "./adam.js";
export { clipGradNorm, clipGradValue, gradNorm } from "./clip.js";
export { Optimizer, type GroupOptions, type ParamGroup } from "./optimizer.js";
export {
  CosineAnnealingLR,
  LambdaLR,
  LinearLR,
  LRScheduler,
  StepLR,
  WarmupCosineLR,
  type SchedulerOptions,
} from "./schedulers.js";
export { Lion, SGD, type LionOptions, type SGDOptions } from "./sgd.js";
