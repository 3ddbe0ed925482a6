// The small GPT on four ranks: FSDP over two, tensor and sequence parallel over two, and a loss whose logits no rank holds
// whole. Nothing but the config differs from trainer.ts.
import { CallbackCollection, distributedLaunch, LearningRateWarmup, OptimizeFSDP } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "./language-model.js";

const config = LMConfig({
  deviceParameters: { dpReplicate: 1, dpShard: 2, tensorParallel: 2, lossParallel: true },
  trainingParameters: { nEpochs: 1, trainBatchSize: 16, gradientClipVal: 1, valFrequency: 0.5 },
  callbacks: new CallbackCollection([new LearningRateWarmup(20), new OptimizeFSDP({ prefetch: 2 })]),
});

distributedLaunch(() => new LanguageModelTrainer(config).fit());
