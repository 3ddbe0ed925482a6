import { DataLoader, distributedLaunch, DreamTrainerConfig, GeneratedDataset, randn } from "dreamc";
import { Tiny } from "./support/tiny.js";

class Trainer extends Tiny {
  override configureDataloaders() {
    const data = new GeneratedDataset(8, (size) => ({ x: randn([size, 2]), y: randn([size, 1]) }));
    return new DataLoader(data, { batchSize: 8 }); // ~ microbatches-do-not-divide
  }
}
const config = DreamTrainerConfig({
  deviceParameters: { dpReplicate: 2, pipelineParallel: 2, pipelineMicrobatches: 3 },
});
distributedLaunch(() => new Trainer(config).fit());
