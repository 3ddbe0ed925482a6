// What users import from "dreamc".
export { Callback, CallbackCollection, LearningRateWarmup, LoggerCallback } from "./callbacks/callback.js";
export { OptimizeFSDP } from "./callbacks/optimize-fsdp.js";
export {
  type Batch,
  DataLoader,
  GeneratedDataset,
  type LoaderOptions,
  type Sampler,
  TensorDataset,
  TextDataset,
} from "./data/data-loader.js";
export { TextSampler } from "./data/text-sampler.js";
export * from "./distributed/index.js";
export * as F from "./functional/index.js";
export * as init from "./init.js";
export { accuracy, perplexity } from "./metrics/accuracy.js";
export { Accuracy, MeanMetric, Metric } from "./metrics/metric.js";
export * as nn from "./nn/index.js";
export * from "./optim/index.js";
export { type Schema, z } from "./schema.js";
export { pinned, printCharacter, rankZeroPrint, runtime, secondsSinceStart, worldSize } from "./services.js";
export * from "./tensor.js";
export { BaseTrainer, type StepResult } from "./trainer/base-trainer.js";
export { compose, partial } from "./trainer/compose.js";
export {
  type ConfigOf,
  type DeviceParameters,
  DreamTrainerConfig,
  defineConfig,
  deviceParameters,
  trainingParameters,
} from "./trainer/config.js";
export { DreamTrainer, distributedLaunch } from "./trainer/dream-trainer.js";
export { type FullyShardConfig, SetupMixin } from "./trainer/setup-mixin.js";
