// Purpose: every collective is waited for, as late as its memory allows. Needs: jobs in order. Leaves: the same with waits.
import type { Stagger } from "../../ir/scheduled.js";
import type { Shared } from "./share-memory.js";
import { directReads, directWrites, touchedBy, visitItems } from "./touches.js";
import type { CollectiveJob, Job, LaidKernel, LoopJob, Staggering, TableJob, Tensor } from "./work.js";

type Laid = LaidKernel | TableJob;

/** A collective under a handle of its own. */
export interface BegunJob extends CollectiveJob {
  readonly handle: number;
  /** In a loop, where it begins rounds before its own. */
  readonly staggered: Stagger | null;
}
/** A job, where the wait for a collective is one of its own. Bodies of loops hold such jobs too. */
export type Timed = Exclude<Job<Laid>, CollectiveJob> | BegunJob | WaitJob;
/** Of a staggered collective: the wait for what was begun for this round, or some rounds behind it. */
export interface WaitJob {
  readonly kind: "wait";
  readonly of: BegunJob;
  readonly behind?: number;
}

export type WaitFacts = Pick<Shared, "rounds" | "cellOf" | "isSame">;

export const placeWaits = (jobs: readonly Job<Laid>[], facts: WaitFacts): readonly Timed[] =>
  new Waits(facts).block(jobs, null).jobs;

/** Memory that a collective on its way reads and writes. */
interface Busy {
  readonly sources: ReadonlySet<unknown>;
  readonly targets: ReadonlySet<unknown>;
}
/** A block with waits, and the collectives that are to be waited for behind it. */
interface Waited {
  readonly jobs: readonly Timed[];
  readonly open: readonly BegunJob[];
}
const share = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean => [...a].some((each) => b.has(each));

class Waits {
  private lastHandle = -1;
  /** The first handle of collectives that take turns. */
  private readonly turns = new Map<Staggering | CollectiveJob, number>();
  constructor(private readonly facts: WaitFacts) {}

  /**
   * Every collective is waited for right before what reads or writes its targets' memory, or writes its sources'. One of a
   * loop's body that has memory of its own in each round is on its way until behind the loop, all rounds together; else it
   * is waited for at the end of its block. One that begins rounds before its own is waited for in its own round, one
   * that is waited for a round later right after that of the next round has begun, the last one behind the loop.
   */
  block(jobs: readonly Job<Laid>[], loop: LoopJob | null): Waited {
    const result: Timed[] = [];
    const own = new Set<BegunJob>();
    const open = new Map<BegunJob, Busy>();
    const late: BegunJob[] = [];
    const wait = (of: BegunJob): void => {
      open.delete(of);
      result.push({ kind: "wait", of });
    };
    const taking = new Set(jobs.flatMap((job) => (isTaken(job) ? [job] : [])));
    for (const job of jobs) {
      for (const each of taking) {
        const { reads, writes } = touchedBy(job, this.facts.rounds);
        if (![...each.stagger!.of.targets].some((tensor) => reads.has(tensor) || writes.has(tensor))) continue;
        taking.delete(each);
        result.push({ kind: "wait", of: this.begin(each) });
      }
      if (open.size > 0) {
        const { reads, writes } = touchedBy(job, this.facts.rounds);
        const [read, written] = [this.cellsOf(reads), this.cellsOf(writes)];
        for (const [collective, { sources, targets }] of open)
          if (share(targets, read) || share(targets, written) || share(sources, written)) wait(collective);
      }
      if (job.kind === "loop") {
        const body = this.block(job.body.jobs as Job<Laid>[], job);
        result.push({ ...job, body: { jobs: body.jobs as Job[] } });
        for (const collective of body.open) open.set(collective, this.busy(collective));
        continue;
      }
      if (job.kind === "collective") {
        if (job.what === "send") for (const earlier of this.sentBefore(job, open.keys())) wait(earlier);
        const begun = this.begin(job);
        result.push(begun);
        if (job.stagger) {
          const { behind, count, numHandles } = job.stagger.of;
          if (behind === 0) continue;
          result.push({ kind: "wait", of: begun, behind });
          late.push({ ...begun, handle: begun.handle + ((count - 1) % numHandles), staggered: null });
          continue;
        }
        own.add(begun);
        open.set(begun, this.busy(begun));
      } else result.push(job);
    }
    for (const each of taking) result.push({ kind: "wait", of: this.begin(each) });
    const left = [...open.keys()].filter((collective) => {
      if (loop !== null && own.has(collective) && this.isApartByRound(collective, jobs, loop)) return true;
      wait(collective);
      return false;
    });
    return { jobs: result, open: [...left, ...late] };
  }

  /** What goes to one place: this microbatch's and the one's before may be on their way together. */
  private sentBefore(job: CollectiveJob, open: Iterable<BegunJob>): readonly BegunJob[] {
    const { peer, group } = job.transfer!;
    const sent = [...open].filter(({ what, transfer }) => what === "send" && transfer!.peer === peer);
    const groups = [...new Set(sent.map(({ transfer }) => transfer!.group))].filter(
      (other) => other !== null && other !== group,
    );
    const late = new Set(groups.slice(0, -1));
    return sent.filter(({ transfer }) => late.has(transfer!.group));
  }

  private begin(job: CollectiveJob): BegunJob {
    if (!job.stagger) {
      this.lastHandle++;
      return { ...job, handle: this.lastHandle, staggered: null };
    }
    const { of, round } = job.stagger;
    const key = of.behind === 0 ? of : job;
    const first = this.turns.get(key) ?? this.lastHandle + 1;
    if (!this.turns.has(key)) this.lastHandle += of.numHandles;
    this.turns.set(key, first);
    const { loop, count, ahead, numHandles } = of;
    if (round === null) return { ...job, handle: first, staggered: { loop, count, ahead, numHandles } };
    return { ...job, handle: first + (round % numHandles), staggered: null };
  }

  private busy(job: CollectiveJob): Busy {
    return {
      sources: this.cellsOf(directReads(job).flatMap((source) => this.itemsOf(source))),
      targets: this.cellsOf(directWrites(job).flatMap((target) => this.itemsOf(target))),
    };
  }

  /** Whether what a collective touches in one round of a loop is touched in no other. */
  private isApartByRound(job: CollectiveJob, body: readonly Job<Laid>[], { loop }: LoopJob): boolean {
    const rounds = this.facts.rounds;
    const own = new Set<Tensor>();
    for (const tensor of job.parts.flatMap(({ source, target }) => [source, target])) {
      const items = rounds.get(tensor)?.loop === loop ? rounds.get(tensor)!.items : [];
      const cells = new Set(items.map((item) => this.facts.cellOf(item)));
      if (items.length === 0 || cells.size < items.length || items.some((item) => rounds.has(item))) return false;
      own.add(tensor);
    }
    const cells = this.cellsOf([...own].flatMap((tensor) => this.itemsOf(tensor)));
    return body.every((other) => {
      const { reads, writes } = touchedBy(other, rounds);
      return [...reads, ...writes].every((tensor) => {
        if (!rounds.has(tensor) || own.has(tensor)) return true;
        const isElsewhere = this.itemsOf(tensor).every((item) => !cells.has(this.facts.cellOf(item)));
        return isElsewhere || [...own].some((mine) => this.facts.isSame(mine, tensor));
      });
    });
  }

  private itemsOf(tensor: Tensor): readonly Tensor[] {
    const found: Tensor[] = [];
    visitItems(tensor, this.facts.rounds, (item) => found.push(item));
    return found;
  }

  private cellsOf(tensors: Iterable<Tensor>): ReadonlySet<unknown> {
    const cells = new Set<unknown>();
    for (const tensor of tensors) cells.add(this.facts.cellOf(tensor));
    return cells;
  }
}

/** Of a loop's body, begun for a later round. */
const isTaken = (job: Job<Laid>): job is CollectiveJob =>
  job.kind === "collective" && job.stagger?.round === null && job.stagger.of.behind === 0;
