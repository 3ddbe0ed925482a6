// Purpose: kernels over tensors become kernels over memory, each with a name of its own. Needs: layouts, and which tensors
// share memory. Leaves: laid kernels in the same order.
import type { Layouts } from "./choose-layouts.js";
import { layOutKernel } from "./lay-out-kernel.js";
import type { Job, KernelJob, LaidKernel, Tensor } from "./work.js";

export function layOutKernels(
  jobs: readonly Job<KernelJob>[],
  layouts: Layouts,
  isSameMemory: (a: Tensor, b: Tensor) => boolean,
  numVariants: number,
): readonly Job<LaidKernel>[] {
  return jobs.map((job): Job<LaidKernel> => {
    if (job.kind === "loop")
      return {
        ...job,
        body: { jobs: layOutKernels(job.body.jobs as readonly Job<KernelJob>[], layouts, isSameMemory, numVariants) },
      };
    if (job.kind !== "kernel") return job;
    const { kernel, memory } = layOutKernel(job, nameOf(job), layouts, isSameMemory, numVariants);
    return { kind: "laid", kernel, memory };
  });
}

/** The last ops that it runs: not unique. */
function nameOf({ from }: KernelJob): string {
  const ops = [...new Set(from.map(({ op }) => op))].slice(-3);
  const name = ops.map((op, i) => (i === 0 ? op : op[0]!.toUpperCase() + op.slice(1))).join("");
  return name.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "");
}
