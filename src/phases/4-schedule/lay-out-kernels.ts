// Purpose: kernels over tensors become kernels over memory, each with a name of its own. Needs: layouts, and which tensors
// share memory. Leaves: laid kernels in the same order.
import type { Amount } from "../../ir/scheduled.js";
import { sameAmounts } from "./amounts.js";
import type { Layouts } from "./choose-layouts.js";
import { layOutKernel } from "./lay-out-kernel.js";
import type { Job, KernelJob, LaidKernel, Tensor } from "./work.js";

export function layOutKernels(
  jobs: readonly Job<KernelJob>[],
  layouts: Layouts,
  isSameMemory: (a: Tensor, b: Tensor) => boolean,
  numVariants: number,
): readonly Job<LaidKernel>[] {
  const known = new Map<KernelJob["passes"], LaidOut[]>();
  const layOut = (job: KernelJob): LaidKernel => {
    const layout = job.operands.map(({ tensor }) => layouts(tensor));
    const overwrites = overwrittenPairs(job, isSameMemory);
    const before = known
      .get(job.passes)
      ?.find(
        (each) =>
          each.overwrites === overwrites &&
          isAlike(each.job, job) &&
          each.layout.every((own, i) => sameAmounts(own, layout[i]!)),
      );
    if (before)
      return {
        ...before.laid,
        memory: before.order.map(([k, offset]) => ({ tensor: job.operands[k]!.tensor, offset })),
      };
    const { kernel, memory, order } = layOutKernel(job, nameOf(job), layouts, isSameMemory, numVariants);
    const laid: LaidKernel = { kind: "laid", kernel, memory };
    const list = known.get(job.passes);
    const made: LaidOut = { job, layout, overwrites, laid, order: order.map((k, i) => [k, memory[i]!.offset]) };
    if (list) list.push(made);
    else known.set(job.passes, [made]);
    return laid;
  };
  const walk = (list: readonly Job<KernelJob>[]): readonly Job<LaidKernel>[] =>
    list.map((job): Job<LaidKernel> => {
      if (job.kind === "loop") return { ...job, body: { jobs: walk(job.body.jobs as readonly Job<KernelJob>[]) } };
      return job.kind === "kernel" ? layOut(job) : job;
    });
  return walk(jobs);
}

/** A kernel that was laid out: its copies for other rounds differ in their tensors alone. */
interface LaidOut {
  readonly job: KernelJob;
  readonly layout: readonly (readonly Amount[])[];
  readonly overwrites: string;
  readonly laid: LaidKernel;
  /** Of each operand of the result, which one of the job it was, and its offset. */
  readonly order: readonly (readonly [number, Amount])[];
}

/** Which operands lie where which others are written. */
function overwrittenPairs({ operands }: KernelJob, isSameMemory: (a: Tensor, b: Tensor) => boolean): string {
  const pairs: number[] = [];
  operands.forEach((write, w) => {
    if (write.role !== "write") return;
    operands.forEach((read, r) => {
      if (read.role === "read" && isSameMemory(read.tensor, write.tensor)) pairs.push(w, r);
    });
  });
  return pairs.join();
}

const isAlike = (a: KernelJob, b: KernelJob): boolean =>
  a.operands.every(
    ({ dims, tensor }, i) => dims === b.operands[i]!.dims && tensor.dtype === b.operands[i]!.tensor.dtype,
  );

/** The last ops that it runs: not unique. */
function nameOf({ from }: KernelJob): string {
  const ops = [...new Set(from.map(({ op }) => op))].slice(-3);
  const name = ops.map((op, i) => (i === 0 ? op : op[0]!.toUpperCase() + op.slice(1))).join("");
  return name.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "");
}
