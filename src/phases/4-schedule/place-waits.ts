// Purpose: every collective is waited for, as late as its memory allows. Needs: jobs in order. Leaves: the same with waits.
import type { Shared } from "./share-memory.js";
import { touchedBy, visitItems } from "./touches.js";
import type { CollectiveJob, Job, LaidKernel, LoopJob, TableJob, Tensor } from "./work.js";

type Laid = LaidKernel | TableJob;

/** A collective under a handle of its own. */
export interface BegunJob extends CollectiveJob {
  readonly handle: number;
}
/** A job, where the wait for a collective is one of its own. Bodies of loops hold such jobs too. */
export type Timed = Exclude<Job<Laid>, CollectiveJob> | BegunJob | { readonly kind: "wait"; readonly of: BegunJob };

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
  constructor(private readonly facts: WaitFacts) {}

  /**
   * Every collective is waited for right before what reads or writes its targets' memory, or writes its sources'. One of a
   * loop's body that has memory of its own in each round is on its way until behind the loop, all rounds together; else it
   * is waited for at the end of its block.
   */
  block(jobs: readonly Job<Laid>[], loop: LoopJob | null): Waited {
    const result: Timed[] = [];
    const own = new Set<BegunJob>();
    const open = new Map<BegunJob, Busy>();
    const wait = (of: BegunJob): void => {
      open.delete(of);
      result.push({ kind: "wait", of });
    };
    for (const job of jobs) {
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
        this.lastHandle++;
        const begun: BegunJob = { ...job, handle: this.lastHandle };
        own.add(begun);
        open.set(begun, this.busy(begun));
        result.push(begun);
      } else result.push(job);
    }
    const left = [...open.keys()].filter((collective) => {
      if (loop !== null && own.has(collective) && this.isApartByRound(collective, jobs, loop)) return true;
      wait(collective);
      return false;
    });
    return { jobs: result, open: left };
  }

  private busy({ parts }: CollectiveJob): Busy {
    return {
      sources: this.cellsOf(parts.flatMap(({ source }) => this.itemsOf(source))),
      targets: this.cellsOf(parts.flatMap(({ target }) => this.itemsOf(target))),
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
