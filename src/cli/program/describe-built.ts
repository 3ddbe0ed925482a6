// What a person reads after a build.
import { relative } from "node:path";
import type { KernelReport } from "../../native/cuda/kernel-report.js";
import type { Built } from "./build-program.js";
import { describeBytes } from "./bytes.js";
import type { ProgramManifest } from "./manifest.js";
import { describeProgram } from "./summary.js";

export function describeBuilt({ manifest, program, wasUpToDate, seconds }: Built): string {
  const file = relative(process.cwd(), program);
  const memory = manifest.memory.map(({ worldSize, pp, stateBytes, arenaBytes }) => {
    const ranks = `${worldSize} ${worldSize === 1 ? "rank" : "ranks"}`;
    return `${describeBytes(stateBytes + arenaBytes)} (${ranks}${pp === undefined ? "" : `, place ${pp} of pp`})`;
  });
  return [
    describeProgram(manifest).trimEnd(),
    `  memory  of each rank ${memory.slice(0, 3).join(", ")}${memory.length > 3 ? ", ..." : ""}`,
    ...(manifest.recomputed.length > 0 ? [`  again   in backward: ${manifest.recomputed.join(", ")}`] : []),
    ...kernelLines(manifest),
    wasUpToDate ? `nothing to do (${seconds.toFixed(1)} s): ${file}` : `built in ${seconds.toFixed(1)} s: ${file}`,
    "",
  ].join("\n");
}

/** Of a CUDA program: for which GPUs, and what its hungriest kernels take. */
function kernelLines({ architectures = [], kernels = [] }: ProgramManifest): readonly string[] {
  if (architectures.length === 0) return [];
  const most = (count: (kernel: KernelReport) => number): number => Math.max(0, ...kernels.map(count));
  const numKernels = kernels.length / architectures.length;
  const spills = kernels.reduce((sum, { spillBytes }) => sum + spillBytes, 0);
  return [
    `  GPUs    ${architectures.join(", ")}: ${numKernels} kernels, at most ${most(({ registers }) => registers)} registers, ` +
      `${describeBytes(most(({ sharedBytes }) => sharedBytes))} of shared memory, ` +
      `${spills === 0 ? "no spills" : `${describeBytes(spills)} of spills`} (each in manifest.json)`,
  ];
}
