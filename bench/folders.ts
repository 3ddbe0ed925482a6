// Where the benchmark finds and leaves things.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository; the benchmark itself runs from build/bench/js. */
export const repository = fileURLToPath(new URL("../../../../", import.meta.url));
export const here = join(repository, "bench");
export const output = join(repository, "build", "bench");

/** A command as one would type it in the repository. */
export const inRepository = (command: string): string => command.replaceAll(repository, "");
