// compiled
import { DreamTrainerConfig } from "dreamc";
import { distributedLaunch, TwoLayerTrainer } from "./support/two-layers.js";

const config = DreamTrainerConfig({ deviceParameters: { pipelineParallel: 8, pipelineMicrobatches: 1 } });
distributedLaunch(() => new TwoLayerTrainer(config).fit()); // ~ more-stages-than-layers
