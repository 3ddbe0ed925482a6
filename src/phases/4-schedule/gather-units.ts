// Purpose: parameters of one FSDP unit are gathered together, by one launch before the unit's first use, or before that of
// a unit which is used `prefetch` units earlier. In a loop, whose rounds are units, such a gather belongs to a later round:
// the first rounds' begin before the loop, into buffers that take turns. Needs: fused blocks. Leaves: fewer gathers,
// earlier; what is sent stays the same. Example: with a prefetch of one, round i of 12 begins the gather of round i + 1,
// the last one begins nothing, and two buffers hold what is gathered.
import { findGathers, type UnitGather } from "./find-gathers.js";
import type { LoweredGraph } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import { staggerGather } from "./stagger-gather.js";
import type { Job, KernelJob, LoopJob, Rounds, Tensor } from "./work.js";

export interface Gathered {
  readonly jobs: readonly Job<KernelJob>[];
  readonly rounds: ReadonlyMap<Tensor, Rounds>;
  /** Buffers that take turns: they should lie one behind the other. */
  readonly rows: readonly (readonly Tensor[])[];
}

export function gatherUnits(
  jobs: readonly Job<KernelJob>[],
  rounds: LoweredGraph["rounds"],
  prefetch: number,
  lowering: Lowering,
): Gathered {
  const gathering: Gathering = { prefetch, lowering, rounds: new Map(rounds), rows: [] };
  const { jobs: gathered } = gatherBlock(jobs, null, gathering);
  return { jobs: gathered, rounds: gathering.rounds, rows: gathering.rows };
}

interface Gathering {
  readonly prefetch: number;
  readonly lowering: Lowering;
  readonly rounds: Map<Tensor, Rounds>;
  readonly rows: (readonly Tensor[])[];
}

/** Jobs that run together at a place of a block. */
interface Inserted {
  readonly jobs: readonly Job<KernelJob>[];
  readonly at: number;
}

interface GatheredBlock {
  readonly jobs: readonly Job<KernelJob>[];
  /** What a loop's first rounds need, in the order in which they need it. */
  readonly before: readonly (readonly Job<KernelJob>[])[];
  /** Buffers that a loop's rounds take turns with. */
  readonly makes: readonly Tensor[];
}

function gatherBlock(jobs: readonly Job<KernelJob>[], loop: LoopJob | null, gathering: Gathering): GatheredBlock {
  const own = findGathers(jobs, gathering.rounds);
  const needed: { readonly jobs: readonly Job<KernelJob>[]; readonly need: number }[] = [...own];
  const bodies = jobs.map((job, position): Job<KernelJob> => {
    if (job.kind !== "loop") return job;
    const body = gatherBlock(job.body.jobs as readonly Job<KernelJob>[], job, gathering);
    for (const each of body.before) needed.push({ jobs: each, need: position });
    return { ...job, makes: [...job.makes, ...body.makes], body: { jobs: body.jobs } };
  });
  const moved = new Set(own.flatMap(({ positions }) => [...positions]));
  const finish = (inserted: readonly Inserted[]): readonly Job<KernelJob>[] =>
    [...bodies.keys(), bodies.length].flatMap((position) => [
      ...inserted.filter(({ at }) => at === position).flatMap((each) => each.jobs),
      ...(position < bodies.length && !moved.has(position) ? [bodies[position]!] : []),
    ]);
  const hasTurns = loop !== null && needed.length === own.length && own.every(isSimple);
  if (hasTurns && own.length > 0) {
    const turned = gatherRounds(own, loop, gathering);
    return { jobs: finish(turned.inserted), before: turned.before, makes: turned.makes };
  }
  needed.sort((a, b) => a.need - b.need);
  const inserted = needed.map(({ jobs: together, need }, i): Inserted => {
    const earlier = i - gathering.prefetch;
    const start = gathering.prefetch === 0 ? need : (needed[earlier]?.need ?? 0);
    // Not before a loop that has gathers of its own on their way: its units come first.
    const loops = needed.filter((other) => other.need < need && bodies[other.need]!.kind === "loop");
    return { jobs: together, at: Math.min(need, Math.max(start, ...loops.map((other) => other.need + 1))) };
  });
  return { jobs: finish(inserted), before: [], makes: [] };
}

/** One gather and what prepares it: the next may begin while it runs. */
const isSimple = ({ jobs }: UnitGather): boolean => jobs.filter(({ kind }) => kind === "collective").length === 1;

/** The units of a loop's rounds follow each other without end: a gather begins `prefetch` units before its own. */
function gatherRounds(
  units: readonly UnitGather[],
  loop: LoopJob,
  { prefetch, lowering, rounds, rows }: Gathering,
): Pick<GatheredBlock, "before" | "makes"> & { readonly inserted: readonly Inserted[] } {
  const numUnits = units.length;
  const distance = Math.min(prefetch, numUnits * (loop.count - 1));
  const turned = units.map(({ jobs }, k) => {
    const ahead = Math.ceil(Math.max(0, distance - k) / numUnits);
    if (ahead === 0) return { body: jobs, before: [], rows: [] };
    return staggerGather(jobs as readonly Exclude<Job<KernelJob>, LoopJob>[], loop, ahead, rounds, lowering);
  });
  const inserted = units.map((_, k) => {
    const at = (((k - distance) % numUnits) + numUnits) % numUnits;
    return { jobs: turned[k]!.body, at: units[at]!.need };
  });
  const before = Array.from({ length: distance }, (_, i) => turned[i % numUnits]!.before[Math.floor(i / numUnits)]!);
  const own = turned.flatMap((each) => each.rows);
  rows.push(...own);
  return { inserted, before, makes: own.flat() };
}
