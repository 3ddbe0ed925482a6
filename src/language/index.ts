// What users import from "dreamc".
export { Callback, CallbackCollection, LearningRateWarmup, LoggerCallback } from "./callbacks/callback.js";
export {
  DataLoader,
  GeneratedDataset,
  TensorDataset,
  TextDataset,
  type Batch,
  type LoaderOptions,
  type Sampler,
} from "./data/data-loader.js";
export { TextSampler } from "./data/text-sampler.js";
export * as F from "./functional/index.js";
export * as init from "./init.js";
export { accuracy, perplexity } from "./metrics/accuracy.js";
export * as nn from "./nn/index.js";
export * from "./optim/index.js";
export { pinned, printCharacter, rankZeroPrint, runtime, secondsSinceStart, worldSize } from "./services.js";
export * from "./tensor.js";
export { BaseTrainer, type StepResult } from "./trainer/base-trainer.js";
export {
  defineConfig,
  deviceParameters,
  DreamTrainerConfig,
  trainingParameters,
  type ConfigOf,
} from "./trainer/config.js";
export { compose, distributedLaunch, DreamTrainer, partial } from "./trainer/dream-trainer.js";
export { SetupMixin } from "./trainer/setup-mixin.js";
export { z, type Schema } from "./schema.js";
