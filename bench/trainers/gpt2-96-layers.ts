// GPT-2 small's layers, 96 of them: built, never run.
import { distributedLaunch } from "dreamc";
import { BenchmarkConfig, BenchmarkTrainer, benchmarkTraining } from "./language-model.js";

const config = BenchmarkConfig({
  numLayers: 96,
  trainingParameters: benchmarkTraining,
});

distributedLaunch(() => new BenchmarkTrainer(config).fit());
