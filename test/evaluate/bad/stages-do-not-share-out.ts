import { type DeviceMesh, DreamTrainerConfig, pipelineParallel } from "dreamc";
import { distributedLaunch, type TwoLayers, TwoLayerTrainer } from "./support/two-layers.js";

class Trainer extends TwoLayerTrainer {
  override applyPipelineParallel(ppMesh: DeviceMesh) {
    const { upProj, norm, downProj } = this.model as TwoLayers;
    return pipelineParallel([upProj, norm, downProj], ppMesh); // ~ stages-do-not-share-out
  }
}
const config = DreamTrainerConfig({ deviceParameters: { pipelineParallel: 2 } });
distributedLaunch(() => new Trainer(config).fit());
