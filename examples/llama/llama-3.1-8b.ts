// Llama 3.1 8B's shapes (Dubey et al. 2024): 8,030,261,248 parameters.
import { distributedLaunch } from "dreamc";
import { LlamaConfig, LlamaTrainer } from "./language-model.js";

const config = LlamaConfig({
  vocabSize: 128256,
  hiddenSize: 4096,
  intermediateSize: 14336,
  numLayers: 32,
  numHeads: 32,
  numKeyValueHeads: 8,
  ropeBase: 500000,
  tieEmbeddings: false,
  sequenceLength: 8192,
  learningRate: 3e-4,
  warmupSteps: 2000,
  totalSteps: 100000,
  trainingParameters: { trainBatchSize: 8, gradientAccumulationSteps: 4, gradientClipVal: 1 },
});

distributedLaunch(() => new LlamaTrainer(config).fit());
