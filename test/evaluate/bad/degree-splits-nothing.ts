import { distributedLaunch, DreamTrainerConfig } from "dreamc";
import { Tiny } from "./support/tiny.js";

class NoTokens extends Tiny {} // ~ degree-splits-nothing
const config = DreamTrainerConfig({ deviceParameters: { contextParallel: 2 } });
distributedLaunch(() => new NoTokens(config).fit());
