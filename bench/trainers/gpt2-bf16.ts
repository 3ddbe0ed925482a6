// GPT-2 small with products in bfloat16.
import { distributedLaunch } from "dreamc";
import { BenchmarkConfig, BenchmarkTrainer, benchmarkTraining } from "./language-model.js";

const config = BenchmarkConfig({
  deviceParameters: { precision: "bf16" },
  trainingParameters: benchmarkTraining,
});

distributedLaunch(() => new BenchmarkTrainer(config).fit());
