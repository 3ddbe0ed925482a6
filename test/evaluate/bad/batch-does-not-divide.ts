import { DataLoader, distributedLaunch, DreamTrainerConfig, GeneratedDataset, randn } from "dreamc";
import { Tiny } from "./support/tiny.js";

class Trainer extends Tiny {
  override configureDataloaders() {
    const data = new GeneratedDataset(8, (size) => ({ x: randn([size, 2]), y: randn([size, 1]) }));
    return new DataLoader(data, { batchSize: 7 }); // ~ batch-does-not-divide
  }
}
const config = DreamTrainerConfig({ deviceParameters: { dpReplicate: 2, dpShard: 2 } });
distributedLaunch(() => new Trainer(config).fit());
