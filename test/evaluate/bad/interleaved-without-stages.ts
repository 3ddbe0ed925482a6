import { DreamTrainerConfig } from "dreamc";
import { distributedLaunch, TwoLayerTrainer } from "./support/two-layers.js";

const config = DreamTrainerConfig({
  deviceParameters: { pipelineParallel: 2, pipelineSchedule: "interleaved1f1b" },
});
distributedLaunch(() => new TwoLayerTrainer(config).fit()); // ~ interleaved-without-stages
