import { config, distributedLaunch, Tiny } from "./support/tiny.js";

class Forgetful extends Tiny { // ~ hook-sets-no-field
  override configureOptimizers(): void {}
}
distributedLaunch(() => new Forgetful(config).fit());
