// What a person reads after a build.
import { relative } from "node:path";
import type { Built } from "./build-program.js";
import { describeBytes } from "./bytes.js";
import { describeProgram } from "./summary.js";

export function describeBuilt({ manifest, program, wasUpToDate, seconds }: Built): string {
  const file = relative(process.cwd(), program);
  const memory = manifest.memory.map(
    ({ worldSize, stateBytes, arenaBytes }) =>
      `${describeBytes(stateBytes + arenaBytes)} (${worldSize} ${worldSize === 1 ? "rank" : "ranks"})`,
  );
  return [
    describeProgram(manifest).trimEnd(),
    `  memory  of each rank ${memory.slice(0, 3).join(", ")}${memory.length > 3 ? ", ..." : ""}`,
    ...(manifest.recomputed.length > 0 ? [`  again   in backward: ${manifest.recomputed.join(", ")}`] : []),
    wasUpToDate ? `nothing to do (${seconds.toFixed(1)} s): ${file}` : `built in ${seconds.toFixed(1)} s: ${file}`,
    "",
  ].join("\n");
}
