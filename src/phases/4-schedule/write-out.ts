// Purpose: loops whose kernels will be rows of tables are written out, round by round, after their kernels were joined
// once. Needs: fused blocks. Leaves: blocks without such loops. What is local to a round is another tensor in each.
import { slotLoop } from "./join-sums.js";
import type { LoweredGraph, Slot } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import type { DraftOperand, Job, KernelJob, LoopJob, Rounds, Tensor } from "./work.js";

export interface WrittenOut {
  readonly jobs: readonly Job<KernelJob>[];
  readonly rounds: ReadonlyMap<Tensor, Rounds>;
}

export function writeOut(
  jobs: readonly Job<KernelJob>[],
  { rounds, slots }: Pick<LoweredGraph, "rounds" | "slots">,
  lowering: Lowering,
): WrittenOut {
  const byLoop = new Map<number, Map<Tensor, Rounds>>();
  for (const [tensor, each] of rounds) {
    const known = byLoop.get(each.loop);
    if (known) known.set(tensor, each);
    else byLoop.set(each.loop, new Map([[tensor, each]]));
  }
  const writing: Writing = { byLoop, slots, done: new Set([slotLoop]), lowering };
  const written = jobs.flatMap((job) => rewritten(job, (tensor) => tensor, writing));
  return { jobs: written, rounds: new Map([...rounds].filter(([, { loop }]) => !writing.done.has(loop))) };
}

interface Writing {
  readonly byLoop: ReadonlyMap<number, ReadonlyMap<Tensor, Rounds>>;
  readonly slots: ReadonlyMap<Tensor, Slot>;
  /** Loops that are no more. */
  readonly done: Set<number>;
  readonly lowering: Lowering;
}

type Rename = (tensor: Tensor) => Tensor;

/** `rename`: the tensors of the rounds around. */
function rewritten(job: Job<KernelJob>, rename: Rename, writing: Writing): readonly Job<KernelJob>[] {
  if (job.kind === "kernel")
    return [{ ...job, operands: job.operands.map((operand) => placed(operand, rename, writing)) }];
  if (job.kind !== "loop") return [job];
  const jobs = job.body.jobs as readonly Job<KernelJob>[];
  if (job.isTable) return allRounds(job, jobs, rename, writing);
  return [{ ...job, body: { jobs: jobs.flatMap((inner) => rewritten(inner, rename, writing)) } }];
}

function placed(operand: DraftOperand, rename: Rename, { slots, lowering }: Writing): DraftOperand {
  const tensor = rename(operand.tensor);
  const slot = slots.get(tensor);
  if (!slot) return { ...operand, tensor };
  return { ...operand, tensor: slot.row, dims: [{ offset: lowering.amount(slot.place), terms: new Map() }] };
}

function allRounds(
  job: LoopJob,
  jobs: readonly Job<KernelJob>[],
  rename: Rename,
  writing: Writing,
): readonly Job<KernelJob>[] {
  const own = localTensors(job);
  const items = writing.byLoop.get(job.loop);
  writing.done.add(job.loop);
  return Array.from({ length: job.count }, (_, round) => {
    const mine = new Map<Tensor, Tensor>();
    const inRound = (tensor: Tensor): Tensor => {
      const there = items?.get(tensor);
      if (there) return rename(there.items[round]!);
      if (!own.has(tensor)) return rename(tensor);
      const known = mine.get(tensor);
      if (known) return known;
      const made = writing.lowering.tensor(tensor.name, tensor.dtype, tensor.shape);
      mine.set(tensor, made);
      return made;
    };
    return jobs.flatMap((inner) => rewritten(inner, inRound, writing));
  }).flat();
}

/** Tensors that a round makes for itself, or that loops inside it need. */
function localTensors(job: LoopJob): ReadonlySet<Tensor> {
  const own = new Set<Tensor>();
  const walk = (jobs: readonly Job[]): void => {
    for (const each of jobs) {
      if (each.kind === "loop") {
        for (const tensor of each.makes) own.add(tensor);
        walk(each.body.jobs);
      } else if (each.kind === "kernel")
        for (const { role, tensor } of each.operands) if (role === "write") own.add(tensor);
    }
  };
  walk(job.body.jobs);
  return own;
}
