// A GPT on single bytes, small enough to train on a processor while one waits.
import { distributedLaunch } from "dreamc";
import { BenchmarkConfig, BenchmarkTrainer, benchmarkTraining } from "./language-model.js";

const config = BenchmarkConfig({
  vocabSize: 256,
  hiddenSize: 128,
  numLayers: 4,
  numHeads: 4,
  numPositions: 64,
  sequenceLength: 64,
  datasetPath: "build/bench/bytes",
  trainingParameters: { ...benchmarkTraining, trainBatchSize: 12 },
});

distributedLaunch(() => new BenchmarkTrainer(config).fit());
