// The llama example, small enough for the interpreter.
import { distributedLaunch } from "dreamc";
import { LlamaConfig, LlamaTrainer } from "../../../examples/llama/language-model.js";

const config = LlamaConfig({
  vocabSize: 11,
  hiddenSize: 8,
  intermediateSize: 12,
  numLayers: 2,
  numHeads: 4,
  numKeyValueHeads: 2,
  sequenceLength: 6,
  learningRate: 1e-2,
  warmupSteps: 2,
  totalSteps: 20,
  trainingParameters: { nEpochs: 2, trainBatchSize: 2, gradientAccumulationSteps: 2, gradientClipVal: 1 },
});

distributedLaunch(() => new LlamaTrainer(config).fit());
