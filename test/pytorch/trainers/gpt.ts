// In float32.
import { distributedLaunch } from "dreamc";
import { GPTParityTrainer } from "./gpt-trainer.js";
import { ParityConfig, parityTraining } from "./parity-trainer.js";

const config = ParityConfig({ trainingParameters: parityTraining });

distributedLaunch(() => new GPTParityTrainer(config).fit());
