// A small GPT on text: the quickstart.
import { CallbackCollection, distributedLaunch, LearningRateWarmup } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "./language-model.js";

const config = LMConfig({
  trainingParameters: { nEpochs: 1, trainBatchSize: 16, gradientClipVal: 1, valFrequency: 0.5 },
  callbacks: new CallbackCollection([new LearningRateWarmup(20)]),
});

distributedLaunch(() => new LanguageModelTrainer(config).fit());
