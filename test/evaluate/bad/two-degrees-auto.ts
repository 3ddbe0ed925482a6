import { distributedLaunch, DreamTrainerConfig } from "dreamc";
import { Tiny } from "./support/tiny.js";

const config = DreamTrainerConfig({
  deviceParameters: {
    dpReplicate: "auto",
    dpShard: "auto", // ~ two-degrees-auto
  },
});
distributedLaunch(() => new Tiny(config).fit());
