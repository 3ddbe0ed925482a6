// In float32.
import { distributedLaunch } from "dreamc";
import { LlamaParityTrainer } from "./llama-trainer.js";
import { ParityConfig, parityTraining } from "./parity-trainer.js";

const config = ParityConfig({ trainingParameters: parityTraining });

distributedLaunch(() => new LlamaParityTrainer(config).fit());
