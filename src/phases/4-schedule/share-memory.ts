// Purpose: a tensor lies where one lies that dies as it is made. A copy of what nobody reads any more is no copy; a
// kernel overwrites what it reads for the last time; a sum over ranks is made in place; a value that a loop hands on stays
// in one place where its old rounds are read before the new one is written. Needs: kernels in order, bound outside.
// Leaves: for each such tensor the one whose memory it has, and the jobs without the copies that are none any more.
import { is, product, sameAmount, sameAmounts } from "./amounts.js";
import { isInPlace, type Outside } from "./bind-outside.js";
import { type Layouts, letterStrides } from "./choose-layouts.js";
import type { LoweredGraph } from "./lower-graph.js";
import { directReads, directWrites, visitItems } from "./touches.js";
import type { CollectiveJob, Job, KernelJob, LoopJob, Rounds, Tensor } from "./work.js";

export interface Shared {
  readonly jobs: readonly Job<KernelJob>[];
  readonly rounds: ReadonlyMap<Tensor, Rounds>;
  readonly outside: ReadonlyMap<Tensor, Outside>;
  /** The tensor in whose memory one lies; itself where it has its own. */
  readonly lies: (tensor: Tensor) => Tensor;
  /** What stands for the memory of a tensor that is no other in each round: its state, or the tensor that it lies in. */
  readonly cellOf: (tensor: Tensor) => unknown;
  /** Whether two tensors lie at one place in every round. */
  readonly isSame: (a: Tensor, b: Tensor) => boolean;
}

export function shareMemory(
  graph: LoweredGraph,
  jobs: readonly Job<KernelJob>[],
  layouts: Layouts,
  outside: ReadonlyMap<Tensor, Outside>,
  numVariants: number,
): Shared {
  return new Sharing(graph, jobs, layouts, outside, numVariants).run();
}

/** Every tensor has memory of its own: for comparison. States are overwritten all the same. */
export function notShared(
  { rounds }: LoweredGraph,
  jobs: readonly Job<KernelJob>[],
  outside: ReadonlyMap<Tensor, Outside>,
): Shared {
  const cellOf = (tensor: Tensor): unknown => {
    const where = outside.get(tensor) ?? tensor.source;
    return where?.kind === "state" ? where.state : tensor;
  };
  return { jobs, rounds, outside, lies: (tensor) => tensor, cellOf, isSame: (a, b) => cellOf(a) === cellOf(b) };
}

interface Life {
  first: number;
  last: number;
  readonly path: readonly LoopJob[];
  /** Touched in a loop inside its own block. */
  isLooped: boolean;
}

interface Begun {
  readonly tensor: Tensor;
  readonly life: Life;
}

class Sharing {
  private readonly rounds: Map<Tensor, Rounds>;
  private readonly outside: Map<Tensor, Outside>;
  private readonly lives = new Map<Tensor, Life>();
  private readonly parents = new Map<Tensor, Tensor>();
  private readonly positions = new Map<Job, number>();
  private readonly jobAt: Job<KernelJob>[] = [];
  /** What enters a round where another tensor leaves it. */
  private readonly merged = new Map<Tensor, Tensor>();
  private readonly inRows: ReadonlySet<Tensor>;
  /** By the tensor that others lie in: the first of them. */
  private readonly begun = new Map<Tensor, Begun>();
  private readonly dropped = new Set<Job>();
  private readonly ends = new Map<LoopJob, number>();
  constructor(
    private readonly graph: LoweredGraph,
    private readonly jobs: readonly Job<KernelJob>[],
    private readonly layouts: Layouts,
    outside: ReadonlyMap<Tensor, Outside>,
    private readonly numVariants: number,
  ) {
    this.rounds = new Map(graph.rounds);
    this.outside = new Map(outside);
    this.inRows = new Set(graph.rows.flat());
  }

  run(): Shared {
    this.findLives();
    this.joinSwaps();
    this.walk(this.jobs);
    for (const tensor of this.parents.keys()) {
      const rounds = this.rounds.get(this.first(tensor));
      if (rounds) this.rounds.set(tensor, rounds);
    }
    const keep = (list: readonly Job<KernelJob>[]): readonly Job<KernelJob>[] =>
      list
        .filter((job) => !this.dropped.has(job))
        .map((job) =>
          job.kind === "loop" ? { ...job, body: { jobs: keep(job.body.jobs as readonly Job<KernelJob>[]) } } : job,
        );
    return {
      jobs: keep(this.jobs),
      rounds: this.rounds,
      outside: this.outside,
      lies: (tensor) => this.first(tensor),
      cellOf: (tensor) => this.cellOf(tensor),
      isSame: (a, b) => this.isSame(a, b),
    };
  }

  private isSame(a: Tensor, b: Tensor): boolean {
    if (a === b) return true;
    const [x, y] = [this.rounds.get(a), this.rounds.get(b)];
    if (x && y) return x === y || (x.loop === y.loop && x.items.every((item, i) => this.isSame(item, y.items[i]!)));
    if (x || y) return false;
    const [cellA, cellB] = [this.cellOf(a), this.cellOf(b)];
    return cellA === cellB;
  }

  private cellOf(tensor: Tensor): unknown {
    const where = this.outside.get(tensor) ?? tensor.source;
    return where?.kind === "state" ? where.state : this.first(tensor);
  }

  private first(tensor: Tensor): Tensor {
    let now = tensor;
    for (let next = this.parents.get(now); next; next = this.parents.get(now)) now = next;
    return now;
  }

  private findLives(): void {
    let now = 0;
    const paths = new Map<Tensor, readonly LoopJob[]>();
    const entries = new Map<number, Tensor[]>();
    for (const [tensor, { loop }] of this.graph.rounds) {
      const list = entries.get(loop);
      if (list) list.push(tensor);
      else entries.set(loop, [tensor]);
    }
    const walk = (list: readonly Job<KernelJob>[], path: readonly LoopJob[]): void => {
      for (const job of list) {
        this.positions.set(job, now);
        this.jobAt[now++] = job;
        if (job.kind === "loop") {
          for (const tensor of job.makes) paths.set(tensor, path);
          for (const tensor of entries.get(job.loop) ?? []) paths.set(tensor, [...path, job]);
          walk(job.body.jobs as readonly Job<KernelJob>[], [...path, job]);
          this.ends.set(job, now++);
          continue;
        }
        for (const tensor of directWrites(job)) if (!paths.has(tensor)) paths.set(tensor, path);
      }
    };
    walk(this.jobs, []);
    const touch = (tensor: Tensor, at: number, path: readonly LoopJob[]): void => {
      const own = paths.get(tensor);
      if (own === undefined) return;
      const loop = path[own.length];
      const [start, end] = loop ? [this.positions.get(loop)!, this.ends.get(loop)!] : [at, at];
      const life = this.lives.get(tensor);
      if (!life) this.lives.set(tensor, { first: start, last: end, path: own, isLooped: loop !== undefined });
      else {
        life.first = Math.min(life.first, start);
        life.last = Math.max(life.last, end);
        if (loop) life.isLooped = true;
      }
    };
    const visit = (list: readonly Job<KernelJob>[], path: readonly LoopJob[]): void => {
      for (const job of list) {
        if (job.kind === "loop") visit(job.body.jobs as readonly Job<KernelJob>[], [...path, job]);
        else
          for (const tensor of [...directReads(job), ...directWrites(job)])
            visitItems(tensor, this.graph.rounds, (item) => touch(item, this.positions.get(job)!, path));
      }
    };
    visit(this.jobs, []);
  }

  /** What enters and what leaves a round has one place, where nobody reads the old value once the new one is there. */
  private joinSwaps(): void {
    for (const { enter, leave, places } of this.graph.swaps) {
      const [entered, left] = [this.lives.get(enter), this.lives.get(leave)];
      if (!left) continue;
      if (entered && !this.isOverBefore(enter, entered.last, leave, left.first)) continue;
      this.parents.set(places[1], places[0]);
      this.merged.set(leave, enter);
    }
  }

  /** Whether `old` is read for the last time before `made` is made, or where it is. */
  private isOverBefore(old: Tensor, last: number, made: Tensor, first: number): boolean {
    return last < first || (last === first && this.canOverwrite(this.jobAt[first]!, made, old));
  }

  private walk(list: readonly Job<KernelJob>[]): void {
    for (const job of list) {
      if (job.kind === "loop") this.walk(job.body.jobs as readonly Job<KernelJob>[]);
      else if (job.kind === "kernel") this.shareKernel(job);
      else if (job.kind === "collective") this.shareSum(job);
    }
  }

  private shareKernel(job: KernelJob): void {
    const taken = new Set<Tensor>();
    for (const { tensor: made, role } of job.operands) {
      if (role !== "write") continue;
      for (const { tensor: read, role: other } of job.operands) {
        if (other !== "read" || taken.has(read)) continue;
        if (!this.canOverwrite(job, made, read) && !this.isUnmoved(job, made, read)) continue;
        if (!this.join(read, made, job)) continue;
        taken.add(read);
        if (isCopy(job)) this.dropped.add(job);
        break;
      }
    }
  }

  private shareSum(job: CollectiveJob): void {
    if (job.what === "all-reduce") for (const { source, target } of job.parts) this.join(source, target, job);
  }

  private canOverwrite(job: Job<KernelJob>, made: Tensor, read: Tensor): boolean {
    return (
      made.dtype === read.dtype &&
      isInPlace(job, made, read) &&
      sameAmounts(made.shape, read.shape) &&
      sameAmounts(this.layouts(made), this.layouts(read))
    );
  }

  /** Whether a copy leaves every element of the one tensor at the place in memory that it has in the other. */
  private isUnmoved(job: KernelJob, made: Tensor, read: Tensor): boolean {
    const [one, two] = [made, read].map((tensor) => job.operands.find((operand) => operand.tensor === tensor)!);
    if (!isCopy(job) || !one?.dims || !two?.dims || made.dtype !== read.dtype) return false;
    const all = product(made.shape, this.numVariants);
    const letters = [...job.outer, ...job.inner];
    const walked = product(
      letters.map(({ size }) => size),
      this.numVariants,
    );
    if (!sameAmount(all, product(read.shape, this.numVariants)) || !sameAmount(all, walked)) return false;
    if (![...one.dims, ...two.dims].every(({ offset }) => is(offset, 0))) return false;
    const [ways, others] = [one, two].map((operand) => letterStrides(operand, this.layouts(operand.tensor)));
    return letters.every((letter) => {
      const [way, other] = [ways!.get(letter), others!.get(letter)];
      return is(letter.size, 1) || (way !== undefined && other !== undefined && sameAmount(way, other));
    });
  }

  /** `read`, which dies at this job, and `made`, which it makes, get one memory. */
  private join(read: Tensor, made: Tensor, job: Job): boolean {
    const at = this.positions.get(job)!;
    const [old, born] = [this.lives.get(read), this.lives.get(made)];
    if (!old || !born || !this.isOwn(read) || this.inRows.has(read) || this.outside.has(made)) return false;
    if (!sameList(old.path, born.path) || old.last !== at || born.first !== at) return false;
    const rounds = this.rounds.get(made);
    const first = this.first(read);
    if (!rounds) {
      // The items of a row stay where they are: others come to them.
      if (this.inRows.has(made)) this.lie(first, made);
      else this.lie(made, first);
      return true;
    }
    const begun = this.begun.get(first) ?? { tensor: read, life: old };
    if (begun.life.isLooped || old.isLooped) return false;
    const enter = this.merged.get(made);
    const entered = enter && this.lives.get(enter);
    if (enter && entered && !this.isOverBefore(enter, entered.last, begun.tensor, begun.life.first)) return false;
    this.rounds.set(first, rounds);
    return true;
  }

  private lie(tensor: Tensor, root: Tensor): void {
    const [mine, its] = [tensor, root].map(
      (each) => this.begun.get(each) ?? { tensor: each, life: this.lives.get(each)! },
    ) as [Begun, Begun];
    const earlier = mine.life.first < its.life.first ? mine : its;
    const isLooped = mine.life.isLooped || its.life.isLooped;
    this.begun.set(root, { tensor: earlier.tensor, life: { ...earlier.life, isLooped } });
    this.parents.set(tensor, root);
  }

  /** Whether a tensor has memory of its own in the arena. */
  private isOwn(tensor: Tensor): boolean {
    return tensor.source === null && !this.rounds.has(tensor) && !this.outside.has(tensor);
  }
}

/** A kernel that stores one operand as it is. */
function isCopy({ passes, operands }: KernelJob): boolean {
  const [pass, ...more] = passes;
  return (
    more.length === 0 &&
    operands.length === 2 &&
    pass?.kind === "store" &&
    pass.value.kind === "input" &&
    !pass.value.at
  );
}

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);
