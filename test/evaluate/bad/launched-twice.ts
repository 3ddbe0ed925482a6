import { config, distributedLaunch, Tiny } from "./support/tiny.js";

distributedLaunch(() => new Tiny(config).fit());
distributedLaunch(() => new Tiny(config).fit()); // ~ launched-twice
