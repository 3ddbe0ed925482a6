// The gathers of a block by FSDP unit: those of one unit and phase, with the kernels that prepare what they gather (a cast,
// a packed copy), and the first job that needs what they make. All of it is made of states, so it may run earlier.
import type { LoweredGraph } from "./lower-graph.js";
import { directReads, directWrites, touchedBy } from "./touches.js";
import type { CollectiveJob, Job, KernelJob, Tensor } from "./work.js";

export interface UnitGather {
  readonly unit: string;
  /** Preparing kernels, then one gather; or several times so, where parameters are split over several axes. */
  readonly jobs: readonly Job<KernelJob>[];
  /** Where these jobs were in their block. */
  readonly positions: ReadonlySet<number>;
  /** The position of the first job that needs what is gathered. */
  readonly need: number;
}

type Rounds = LoweredGraph["rounds"];

export function findGathers(jobs: readonly Job<KernelJob>[], rounds: Rounds): readonly UnitGather[] {
  const origins = new Origins(jobs, rounds);
  const groups = new Map<string, number[]>();
  jobs.forEach((job, position) => {
    if (!isUnitGather(job) || origins.depth(position) === null) return;
    const key = `${job.from.phase} ${job.unit}`;
    const known = groups.get(key);
    if (known) known.push(position);
    else groups.set(key, [position]);
  });
  return [...groups.values()].map((gathers) => groupOf(gathers, jobs, rounds, origins)).sort((a, b) => a.need - b.need);
}

const isUnitGather = (job: Job<KernelJob>): job is CollectiveJob =>
  job.kind === "collective" && job.what === "all-gather" && job.unit !== null;

function groupOf(
  gathers: readonly number[],
  jobs: readonly Job<KernelJob>[],
  rounds: Rounds,
  origins: Origins,
): UnitGather {
  const positions = new Set<number>();
  const together: Job<KernelJob>[] = [];
  const depths = [...new Set(gathers.map((position) => origins.depth(position)!))].sort((a, b) => a - b);
  for (const depth of depths) {
    const here = gathers.filter((position) => origins.depth(position) === depth);
    const preparing = new Set(here.flatMap((position) => [...origins.preparing(position)]));
    for (const position of [...preparing].sort((a, b) => a - b)) {
      if (!positions.has(position)) together.push(jobs[position]!);
      positions.add(position);
    }
    for (const position of here) positions.add(position);
    together.push(...joined(here.map((position) => jobs[position] as CollectiveJob)));
  }
  const targets = new Set(gathers.flatMap((position) => directWrites(jobs[position] as CollectiveJob)));
  const need = jobs.findIndex(
    (job, position) => !positions.has(position) && [...touchedBy(job, rounds).reads].some((read) => targets.has(read)),
  );
  const { unit } = jobs[gathers[0]!] as CollectiveJob;
  return { unit: unit!, jobs: together, positions, need: need < 0 ? gathers[0]! : need };
}

/** One launch for each axis. */
function joined(gathers: readonly CollectiveJob[]): readonly CollectiveJob[] {
  const axes = [...new Set(gathers.map(({ axis }) => axis))];
  return axes.map((axis) => {
    const own = gathers.filter((gather) => gather.axis === axis);
    const [first] = own as [CollectiveJob, ...CollectiveJob[]];
    const scope = own.every(({ from }) => from.scope === first.from.scope) ? first.from.scope : first.unit!;
    return { ...first, parts: own.flatMap(({ parts }) => parts), from: { ...first.from, scope } };
  });
}

/** What tensors of a block are made of, as far as that is states, kernels and gathers alone. */
class Origins {
  private readonly makers = new Map<Tensor, number>();
  private readonly depths = new Map<number, number | null>();
  constructor(
    private readonly jobs: readonly Job<KernelJob>[],
    private readonly rounds: Rounds,
  ) {
    jobs.forEach((job, position) => {
      if (job.kind !== "loop") for (const tensor of directWrites(job)) this.makers.set(tensor, position);
    });
  }

  /** How many gathers lie one behind the other up to the job's results; null where it is made of something else too. */
  depth(position: number): number | null {
    const known = this.depths.get(position);
    if (known !== undefined) return known;
    const job = this.jobs[position]!;
    const isGather = isUnitGather(job);
    let depth: number | null = null;
    if (isGather || job.kind === "kernel") {
      const reads = directReads(job).map((tensor) => this.depthOf(tensor));
      if (reads.every((each) => each !== null)) depth = Math.max(0, ...reads) + (isGather ? 1 : 0);
    }
    this.depths.set(position, depth);
    return depth;
  }

  private depthOf(tensor: Tensor): number | null {
    if (this.isState(tensor)) return 0;
    const maker = this.makers.get(tensor);
    return maker === undefined ? null : this.depth(maker);
  }

  /** A state, in whatever round. */
  private isState(tensor: Tensor): boolean {
    const { items } = this.rounds.get(tensor) ?? {};
    return items ? items.every((item) => this.isState(item)) : tensor.source?.kind === "state";
  }

  /** The kernels behind a gather, up to states and to other gathers. */
  preparing(position: number): ReadonlySet<number> {
    const found = new Set<number>();
    const visit = (at: number): void => {
      const job = this.jobs[at]!;
      if (job.kind === "loop") return;
      for (const tensor of directReads(job)) {
        const maker = this.makers.get(tensor);
        if (maker === undefined || isUnitGather(this.jobs[maker]!) || found.has(maker)) continue;
        found.add(maker);
        visit(maker);
      }
    };
    visit(position);
    return found;
  }
}
