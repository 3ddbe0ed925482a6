// With products in bfloat16, as under autocast.
import { distributedLaunch } from "dreamc";
import { GPTParityTrainer } from "./gpt-trainer.js";
import { ParityConfig, parityTraining } from "./parity-trainer.js";

const config = ParityConfig({ deviceParameters: { precision: "bf16" }, trainingParameters: parityTraining });

distributedLaunch(() => new GPTParityTrainer(config).fit());
