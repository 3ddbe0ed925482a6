// A GPT that two ranks share by FSDP, with blocks recomputed: large enough that what a process needs beside its plan is little.
import { distributedLaunch } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "../../examples/gpt/language-model.js";

const config = LMConfig({
  hiddenSize: 512,
  numLayers: 8,
  numHeads: 8,
  sequenceLength: 256,
  datasetPath: "build/bench/bytes",
  sampleLength: 0,
  deviceParameters: { dpReplicate: 1, dpShard: 2, activationCheckpointing: true },
  trainingParameters: { nEpochs: 1000, trainBatchSize: 8, gradientClipVal: 1, valFrequency: 0 },
});

distributedLaunch(() => new LanguageModelTrainer(config).fit());
