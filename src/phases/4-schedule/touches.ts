// What a job reads and writes, loops included: what their bodies touch of the surrounding block, in whatever round.
import type { Kernel } from "../../ir/scheduled.js";
import type { Job, LoopJob, OperandMemory, Rounds, Tensor } from "./work.js";

export interface Touched {
  readonly reads: ReadonlySet<Tensor>;
  readonly writes: ReadonlySet<Tensor>;
}
type RoundsOf = ReadonlyMap<Tensor, Rounds>;

export function touchedBy(job: Job, rounds: RoundsOf): Touched {
  const reads = new Set<Tensor>();
  const writes = new Set<Tensor>();
  const walk = (each: Job): void => {
    if (each.kind === "loop") each.body.jobs.forEach(walk);
    else {
      for (const tensor of directReads(each)) visitItems(tensor, rounds, (item) => reads.add(item));
      for (const tensor of directWrites(each)) visitItems(tensor, rounds, (item) => writes.add(item));
    }
  };
  walk(job);
  return { reads, writes };
}

/** The tensor itself and, where it is another one in each round, all of these. */
export function visitItems(tensor: Tensor, rounds: RoundsOf, see: (item: Tensor) => void): void {
  see(tensor);
  for (const item of new Set(rounds.get(tensor)?.items ?? [])) visitItems(item, rounds, see);
}

type Single = Exclude<Job, LoopJob>;

/** Tensors of a laid kernel's operands but those of one role. */
const operandsWithout = (
  role: "read" | "write",
  { operands }: Kernel,
  memory: readonly OperandMemory[],
): readonly Tensor[] => memory.flatMap(({ tensor }, i) => (operands[i]!.role === role ? [] : [tensor]));

export function directReads(job: Single): readonly Tensor[] {
  switch (job.kind) {
    case "piece":
      return job.reads.map(({ view }) => view.tensor);
    case "kernel":
      return job.operands.flatMap(({ role, tensor }) => (role === "read" ? [tensor] : []));
    case "laid":
      return operandsWithout("write", job.kernel, job.memory);
    case "table":
      return job.rows.flatMap(({ memory }) => operandsWithout("write", job.kernel, memory));
    case "call":
      return job.ways[0].operands.flatMap(({ role, view }) => (role === "read" ? [view.tensor] : []));
    case "collective":
      return job.what === "receive" ? [] : job.parts.map(({ source }) => source);
    case "observe":
      return [job.view.tensor];
  }
}

export function directWrites(job: Single): readonly Tensor[] {
  switch (job.kind) {
    case "piece":
      return job.writes.map(({ tensor }) => tensor);
    case "kernel":
      return job.operands.flatMap(({ role, tensor }) => (role === "write" ? [tensor] : []));
    case "laid":
      return operandsWithout("read", job.kernel, job.memory);
    case "table":
      return job.rows.flatMap(({ memory }) => operandsWithout("read", job.kernel, memory));
    case "call":
      return job.ways[0].operands.flatMap(({ role, view }) => (role === "write" ? [view.tensor] : []));
    case "collective":
      return job.what === "send" ? [] : job.parts.map(({ target }) => target);
    case "observe":
      return [];
  }
}

/** Every job, bodies included. */
export function visitJobs(
  jobs: readonly Job[],
  see: (job: Exclude<Job, LoopJob>, loops: readonly LoopJob[]) => void,
): void {
  const walk = (list: readonly Job[], loops: readonly LoopJob[]): void => {
    for (const job of list) {
      if (job.kind === "loop") walk(job.body.jobs, [...loops, job]);
      else see(job, loops);
    }
  };
  walk(jobs, []);
}
