// A gather of a loop that begins rounds before its own. In round i it works for round i + ahead, on what is stacked for
// that round, into one of ahead + 1 buffers that take turns; for the first rounds it runs before the loop.
import type { Lowering } from "./lowering.js";
import { directReads, directWrites } from "./touches.js";
import type { Job, KernelJob, LoopJob, Rounds, Staggering, Tensor } from "./work.js";

export interface StaggeredGather {
  /** What stands in the body instead. */
  readonly body: readonly Job<KernelJob>[];
  /** What the first rounds need, before the loop; by round. */
  readonly before: readonly (readonly Job<KernelJob>[])[];
  /** Buffers of the surrounding block that take turns: row by row those of one tensor. */
  readonly rows: readonly (readonly Tensor[])[];
}

type Single = Exclude<Job<KernelJob>, LoopJob>;

/** `rounds` gets the places of what is made. */
export function staggerGather(
  jobs: readonly Single[],
  { loop, count }: LoopJob,
  ahead: number,
  rounds: Map<Tensor, Rounds>,
  lowering: Lowering,
): StaggeredGather {
  const numHandles = ahead + 1;
  const like = ({ name, dtype, shape }: Tensor): Tensor => lowering.tensor(name, dtype, shape);
  const rows: (readonly Tensor[])[] = [];
  const inTurn = (slots: readonly Tensor[], from: number): readonly Tensor[] =>
    Array.from({ length: count }, (_, round) => slots[(round + from) % numHandles]!);
  const later = new Map<Tensor, Tensor>();
  const move = (tensor: Tensor, shiftedItems: readonly Tensor[]): void => {
    const shifted = like(tensor);
    later.set(tensor, shifted);
    rounds.set(shifted, { loop, items: shiftedItems });
  };
  const shift = (own: readonly Tensor[]): readonly Tensor[] =>
    own.map((_, round) => own[Math.min(round + ahead, count - 1)]!);
  const items = new Map<Tensor, readonly Tensor[]>();
  for (const tensor of new Set(jobs.flatMap(directWrites))) {
    const collected = rounds.get(tensor);
    if (collected) {
      // It has a place for each round.
      move(tensor, shift(collected.items));
      items.set(tensor, collected.items);
      continue;
    }
    const slots = Array.from({ length: numHandles }, () => like(tensor));
    rows.push(slots);
    rounds.set(tensor, { loop, items: inTurn(slots, 0) });
    move(tensor, inTurn(slots, ahead));
    items.set(tensor, inTurn(slots, 0));
  }
  const targets = new Set(items.keys());
  for (const tensor of jobs.flatMap(directReads)) {
    const stacked = rounds.get(tensor);
    if (stacked?.loop !== loop || items.has(tensor)) continue;
    move(tensor, shift(stacked.items));
    items.set(tensor, stacked.items);
  }
  const staggering: Staggering = { loop, count, ahead, behind: 0, numHandles, targets };
  return {
    body: jobs.map((job) => renamed(job, (tensor) => later.get(tensor) ?? tensor, { of: staggering, round: null })),
    before: Array.from({ length: ahead }, (_, round) =>
      jobs.map((job) => renamed(job, (tensor) => items.get(tensor)?.[round] ?? tensor, { of: staggering, round })),
    ),
    rows,
  };
}

function renamed(
  job: Single,
  rename: (tensor: Tensor) => Tensor,
  stagger: { readonly of: Staggering; readonly round: number | null },
): Single {
  if (job.kind === "kernel")
    return { ...job, operands: job.operands.map((operand) => ({ ...operand, tensor: rename(operand.tensor) })) };
  if (job.kind !== "collective") throw new Error(`a ${job.kind} takes no turns`);
  const parts = job.parts.map(({ source, target }) => ({ source: rename(source), target: rename(target) }));
  return { ...job, parts, stagger };
}
