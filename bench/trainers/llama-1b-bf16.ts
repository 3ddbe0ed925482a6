// A Llama of a billion parameters (Llama 3.2 1B's shapes: 1,235,814,400) with products in bfloat16.
import { distributedLaunch } from "dreamc";
import { LlamaConfig, LlamaTrainer } from "../../examples/llama/language-model.js";

const config = LlamaConfig({
  vocabSize: 128256,
  hiddenSize: 2048,
  intermediateSize: 8192,
  numLayers: 16,
  numHeads: 32,
  numKeyValueHeads: 8,
  ropeBase: 500000,
  sequenceLength: 4096,
  datasetPath: "build/bench/tokens",
  deviceParameters: { precision: "bf16" },
  trainingParameters: { nEpochs: 1000, trainBatchSize: 2, gradientClipVal: 1 },
});

distributedLaunch(() => new LlamaTrainer(config).fit());
