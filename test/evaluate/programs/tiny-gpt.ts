// The gpt example, small enough for the interpreter.
import { CallbackCollection, distributedLaunch, LearningRateWarmup } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "../../../examples/gpt/language-model.js";

const config = LMConfig({
  vocabSize: 11,
  hiddenSize: 8,
  numLayers: 3,
  numHeads: 2,
  sequenceLength: 6,
  learningRate: 1e-2,
  sampleLength: 5,
  trainingParameters: { nEpochs: 2, trainBatchSize: 3, gradientClipVal: 1, valFrequency: 0.5, valBatches: 1 },
  callbacks: new CallbackCollection([new LearningRateWarmup(3)]),
});

distributedLaunch(() => new LanguageModelTrainer(config).fit());
