// GPT-2 small in float32.
import { distributedLaunch } from "dreamc";
import { BenchmarkConfig, BenchmarkTrainer, benchmarkTraining } from "./language-model.js";

const config = BenchmarkConfig({
  trainingParameters: benchmarkTraining,
});

distributedLaunch(() => new BenchmarkTrainer(config).fit());
