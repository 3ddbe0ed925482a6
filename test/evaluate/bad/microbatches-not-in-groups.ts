import { type DeviceMesh, DreamTrainerConfig, pipelineParallel } from "dreamc";
import { distributedLaunch, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyPipelineParallel(ppMesh: DeviceMesh) {
    return pipelineParallel(null, ppMesh);
  }
}
const config = DreamTrainerConfig({
  deviceParameters: { pipelineParallel: 2, pipelineStagesPerRank: 2, pipelineMicrobatches: 3 },
});
distributedLaunch(() => new Trainer(config).fit()); // ~ microbatches-not-in-groups
