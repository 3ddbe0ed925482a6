import { distributedLaunch, DreamTrainerConfig } from "dreamc";
import { Tiny } from "./support/tiny.js";

const config = DreamTrainerConfig({
  deviceParameters: { tensorParallel: 2, compileModel: false, asyncTensorParallel: true }, // ~ async-tensor-parallel-needs-compile
});
distributedLaunch(() => new Tiny(config).fit());
