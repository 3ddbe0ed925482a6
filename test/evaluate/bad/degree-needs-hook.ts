import { distributedLaunch, DreamTrainerConfig } from "dreamc";
import { Tiny } from "./support/tiny.js";

class Forgetful extends Tiny {} // ~ degree-needs-hook
const config = DreamTrainerConfig({ deviceParameters: { tensorParallel: 4 } });
distributedLaunch(() => new Forgetful(config).fit());
