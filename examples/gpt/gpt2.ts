// GPT-2 small (Radford et al. 2019): 124,439,808 parameters.
import { CallbackCollection, distributedLaunch, LearningRateWarmup } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "./language-model.js";

const config = LMConfig({
  vocabSize: 50257,
  hiddenSize: 768,
  numLayers: 12,
  numHeads: 12,
  sequenceLength: 1024,
  learningRate: 6e-4,
  sampleLength: 0,
  trainingParameters: { nEpochs: 1, trainBatchSize: 4, gradientClipVal: 1, valFrequency: 0.25 },
  callbacks: new CallbackCollection([new LearningRateWarmup(2000)]),
});

distributedLaunch(() => new LanguageModelTrainer(config).fit());
