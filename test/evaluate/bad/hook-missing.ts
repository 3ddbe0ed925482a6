import { DataLoader, distributedLaunch, DreamTrainerConfig, GeneratedDataset, randn } from "dreamc";
import { Tiny } from "./support/tiny.js";

class Forgetful extends Tiny { // ~ hook-missing
  override configureDataloaders() {
    const data = new GeneratedDataset(8, (size) => ({ x: randn([size, 2]), y: randn([size, 1]) }));
    const loader = () => new DataLoader(data, { batchSize: 4 });
    return [loader(), loader()] as never;
  }
}
const config = DreamTrainerConfig({ trainingParameters: { valFrequency: 0.5 } });
distributedLaunch(() => new Forgetful(config).fit());
