// A small Llama on text, with gradient accumulation.
import { distributedLaunch } from "dreamc";
import { LlamaConfig, LlamaTrainer } from "./language-model.js";

const config = LlamaConfig({
  trainingParameters: { trainBatchSize: 16, gradientAccumulationSteps: 2, gradientClipVal: 1 },
});

distributedLaunch(() => new LlamaTrainer(config).fit());
