import { DataLoader, GeneratedDataset, randn } from "dreamc";
import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Bad extends Tiny {
  override configureDataloaders() {
    return new DataLoader(new GeneratedDataset(8, () => ({ x: randn([3, 2]), y: randn([3, 1]) })), { batchSize: 4 });
  }
}
distributedLaunch(() => new Bad(config).fit()); // ~ batch-has-other-rows
