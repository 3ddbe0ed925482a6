// Purpose: the gradients of a loop's round are scattered while the next round computes. What they are scattered from lies
// in two buffers that take turns, and a round ends by waiting for the scatter of the round before. Needs: fused blocks whose
// scatters hand on one result per round. Leaves: the same with scatters that take two handles in turn.
import type { LoweredGraph } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import { directWrites, touchedBy } from "./touches.js";
import type { CollectiveJob, Job, KernelJob, LoopJob, Rounds, Staggering, Tensor } from "./work.js";

export interface Staggered {
  readonly jobs: readonly Job<KernelJob>[];
  readonly rounds: ReadonlyMap<Tensor, Rounds>;
  /** Buffers that take turns: they should lie one behind the other. */
  readonly rows: readonly (readonly Tensor[])[];
}

const numHandles = 2;

export function staggerScatters(
  jobs: readonly Job<KernelJob>[],
  before: LoweredGraph["rounds"],
  lowering: Lowering,
): Staggered {
  const rounds = new Map(before);
  const rows: (readonly Tensor[])[] = [];
  const rewrite = (list: readonly Job<KernelJob>[]): readonly Job<KernelJob>[] =>
    list.map((job) => {
      if (job.kind !== "loop") return job;
      const inner: LoopJob = { ...job, body: { jobs: rewrite(job.body.jobs as readonly Job<KernelJob>[]) } };
      const body = inner.body.jobs as readonly Job<KernelJob>[];
      const scatters = new Set(body.filter((each) => canWait(each, inner, rounds)));
      const staggering: Staggering = {
        ...{ loop: job.loop, count: job.count, ahead: 0, behind: 1, numHandles, targets: new Set<Tensor>() },
      };
      const makes = [...scatters].flatMap((each) => (each as CollectiveJob).parts.map(({ source }) => source));
      const own = makes.flatMap((source): readonly Tensor[] => {
        if (rounds.has(source)) return [];
        const slots = Array.from({ length: numHandles }, () =>
          lowering.tensor(source.name, source.dtype, source.shape),
        );
        rows.push(slots);
        const items = Array.from({ length: job.count }, (_, round) => slots[round % numHandles]!);
        rounds.set(source, { loop: job.loop, items });
        return slots;
      });
      const staggered = body.map((each) =>
        scatters.has(each) ? { ...(each as CollectiveJob), stagger: { of: staggering, round: null } } : each,
      );
      return { ...inner, makes: [...job.makes, ...own], body: { jobs: staggered } };
    });
  return { jobs: rewrite(jobs), rounds, rows };
}

/** Whether a unit's scatter has a place for the result of each round, which nobody in the body needs. */
function canWait(job: Job<KernelJob>, { loop, count, body }: LoopJob, rounds: ReadonlyMap<Tensor, Rounds>): boolean {
  if (job.kind !== "collective" || job.what !== "reduce-scatter" || job.unit === null || count < 2) return false;
  const others = (body.jobs as readonly Job<KernelJob>[]).filter((each) => each !== job);
  return job.parts.every(({ source, target }) => {
    const collected = rounds.get(target);
    if (collected?.loop !== loop || new Set(collected.items).size < count || rounds.has(source)) return false;
    const makers = others.filter((each) => each.kind !== "loop" && directWrites(each).includes(source));
    return makers.length === 1 && others.every((each) => !touches(each, target, rounds));
  });
}

function touches(job: Job<KernelJob>, tensor: Tensor, rounds: ReadonlyMap<Tensor, Rounds>): boolean {
  const { reads, writes } = touchedBy(job, rounds);
  return reads.has(tensor) || writes.has(tensor);
}
