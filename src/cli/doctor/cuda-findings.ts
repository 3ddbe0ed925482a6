// What this machine has of what CUDA programs need: NVIDIA's compiler and libraries as one set, the driver and its GPUs.
import { type ComponentName, componentNames } from "../../native/cuda/components.js";
import { majorOf, searchToolkit } from "../../native/cuda/find-toolkit.js";
import { architectureOf, type Driver, findDriver } from "../../native/cuda/gpus.js";
import type { Finding } from "./diagnose.js";
import type { Found } from "./tools.js";

export interface CudaFindings {
  readonly findings: readonly Finding[];
  /** Sentences on what does not go together, then what to install. */
  readonly advice: readonly string[];
}

const titles: { readonly [N in ComponentName]: string } = {
  nvcc: "CUDA compiler",
  cudart: "CUDA runtime",
  cuBLASLt: "cuBLASLt",
  cuDNN: "cuDNN",
  NCCL: "NCCL",
};

export async function cudaFindings(): Promise<CudaFindings> {
  const [{ found, missing, conflicts, help }, driver] = await Promise.all([searchToolkit(), findDriver()]);
  const install = help.join("; ");
  const parts = componentNames.map((name): Finding => {
    const component = found.get(name);
    const problem = conflicts.find((sentence) => sentence.startsWith(`${name} `)) ?? null;
    return findingOf(
      titles[name],
      install,
      component ? { version: component.version, path: component.library?.folder ?? component.include, problem } : null,
    );
  });
  const nvcc = found.get("nvcc")?.cuda ?? null;
  const gpus = (driver?.gpus ?? []).map((gpu) => `${gpu.name}, ${architectureOf(gpu)}, ${gpu.memoryMiB} MiB`);
  const runs = `runs CUDA ${driver?.cuda ?? "of an unknown version"}`;
  const driverFound = driver && {
    version: driver.version,
    path: [runs, ...gpus].join("; "),
    problem: driverProblem(driver, nvcc),
  };
  const advice =
    missing.length + conflicts.length === 0 ? [] : [...conflicts, "install what is missing for GPUs:", `  ${install}`];
  return {
    findings: [...parts, findingOf("NVIDIA driver", "https://www.nvidia.com/drivers", driverFound)],
    advice,
  };
}

/** Why programs of this compiler do not run under this driver; null: they do. Within a major version any does. */
export function driverProblem({ cuda }: Driver, nvcc: string | null): string | null {
  if (cuda === null || nvcc === null || majorOf(cuda) >= majorOf(nvcc)) return null;
  return `it is older than nvcc, which makes programs for CUDA ${nvcc}`;
}

const findingOf = (name: string, otherwise: string, found: Found | null): Finding => ({
  tool: { name, purpose: "cuda", find: () => found, packages: null, otherwise },
  found,
});
