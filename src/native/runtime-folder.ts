// Where the runtime's sources lie.
import { fileURLToPath } from "node:url";
import { packageFolder } from "../../codegen/package-folder.js";

export const runtimeFolder = fileURLToPath(new URL("runtime-cuda/", packageFolder));
