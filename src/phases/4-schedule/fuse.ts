// Purpose: pieces become kernels, as few bytes through memory as possible. Cheap pieces that read next to nothing are made
// again by whoever reads them; then every piece joins the kernels that make what it reads, where both can walk one index
// space and nothing that lies between them would have to run in the middle. Needs: lowered blocks. Leaves: kernels in an
// order that respects what they read. Never across a loop's border, a collective or a call.
// Example: matmul, + bias, gelu, * mask is a call and one kernel.
import { most, product } from "./amounts.js";
import { buildKernel, type Surroundings } from "./build-kernel.js";
import { aloneIn, type Group, isElementwise, type Maker } from "./groups.js";
import { substitute } from "./linear.js";
import type { LoweredGraph } from "./lower-graph.js";
import { type Link, matched } from "./match.js";
import { directReads, touchedBy, visitItems, visitJobs } from "./touches.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import type { Job, KernelJob, KernelPiece, LoopJob, Tensor } from "./work.js";

export interface FuseOptions {
  /** Whether pieces are joined at all; else each op has a kernel of its own. */
  readonly isFused: boolean;
}

interface Fusing {
  readonly graph: LoweredGraph;
  readonly options: FuseOptions;
  readonly numVariants: number;
  readonly makers: ReadonlyMap<Tensor, Maker>;
  readonly inlined: ReadonlySet<Tensor>;
  /** Tensors that something else than a kernel reads. */
  readonly required: ReadonlySet<Tensor>;
}

export function fuse(graph: LoweredGraph, numVariants: number, options: FuseOptions): readonly Job<KernelJob>[] {
  const makers = new Map<Tensor, Maker>();
  const several = new Set<Tensor>();
  visitJobs(graph.jobs, (job) => {
    if (job.kind !== "piece") return;
    job.writes.forEach(({ tensor }, output) => {
      if (makers.has(tensor)) several.add(tensor);
      makers.set(tensor, { piece: job, output });
    });
  });
  const required = requiredTensors(graph);
  const inlined = new Set<Tensor>();
  if (options.isFused)
    for (const [tensor, { piece }] of makers)
      if (!several.has(tensor) && isTrivial(piece, tensor, numVariants)) inlined.add(tensor);
  const fusing: Fusing = { graph, options, numVariants, makers, inlined, required: new Set([...required, ...several]) };
  return fuseBlock(graph.jobs, fusing);
}

function requiredTensors({ jobs, results, updates, rounds, swaps }: LoweredGraph): ReadonlySet<Tensor> {
  const required = new Set<Tensor>();
  const need = (tensor: Tensor): void => visitItems(tensor, rounds, (item) => required.add(item));
  visitJobs(jobs, (job) => {
    if (job.kind !== "piece") directReads(job).forEach(need);
  });
  for (const tensor of rounds.keys()) need(tensor);
  for (const { places } of swaps) places.forEach(need);
  for (const { view } of [...results, ...updates]) need(view.tensor);
  return required;
}

const bytesOf = (tensor: Tensor, numVariants: number): number =>
  most(product(tensor.shape, numVariants)) * numBytesOf[tensor.dtype];

/** Next to no work and next to nothing to read: constants, places, what is repeated. */
function isTrivial(piece: KernelPiece, tensor: Tensor, numVariants: number): boolean {
  if (!isElementwise(piece) || piece.flops > 4) return false;
  const read = piece.reads.reduce((n, { view }) => n + bytesOf(view.tensor, numVariants), 0);
  return piece.reads.length === 0 || read * 8 <= bytesOf(tensor, numVariants);
}

/** A job of the block, or pieces that are to be one. */
interface Node {
  readonly job: Job<KernelPiece> | null;
  group: Group | null;
  /** Positions of its first and last part in the block. */
  first: number;
  last: number;
  readonly reads: Set<Tensor>;
  readonly writes: Set<Tensor>;
}

function fuseBlock(jobs: readonly Job<KernelPiece>[], fusing: Fusing): readonly Job<KernelJob>[] {
  const block = new BlockFusing(jobs, fusing);
  if (fusing.options.isFused) block.joinAll();
  return block.finish();
}

class BlockFusing {
  private readonly nodes: Node[];
  private readonly makerOf = new Map<Tensor, Node[]>();
  private readonly readersOf = new Map<Tensor, Set<Node>>();
  private readonly positions = new Map<KernelPiece, number>();
  constructor(
    jobs: readonly Job<KernelPiece>[],
    private readonly fusing: Fusing,
  ) {
    this.nodes = jobs.map((job, position) => {
      const isPiece = job.kind === "piece";
      if (isPiece) this.positions.set(job, position);
      const { reads, writes } = isPiece
        ? { reads: this.leavesOf(job), writes: new Set(job.writes.map(({ tensor }) => tensor)) }
        : touchedBy(this.withLeaves(job), fusing.graph.rounds);
      const node: Node = {
        job: isPiece ? null : job,
        group: isPiece ? aloneIn(job, fusing.numVariants) : null,
        first: position,
        last: position,
        reads: new Set(reads),
        writes: new Set(writes),
      };
      return node;
    });
    for (const node of this.nodes) this.register(node);
  }

  /** A loop whose pieces read what inlined tensors of this block are made of. */
  private withLeaves(job: Job<KernelPiece>): Job<KernelPiece> {
    if (job.kind !== "loop") return job;
    const jobs = job.body.jobs.map((inner) => this.withLeaves(inner as Job<KernelPiece>));
    const isInlined = (tensor: Tensor): boolean => this.fusing.inlined.has(tensor);
    const withAll = jobs.map((inner): Job<KernelPiece> => {
      if (inner.kind !== "piece" || !inner.reads.some(({ view }) => isInlined(view.tensor))) return inner;
      const more = [...this.leavesOf(inner)].map((tensor) => ({
        view: { tensor, offset: [], dims: [], shape: [] },
        access: null,
        isComputed: true,
      }));
      return { ...inner, reads: more };
    });
    return { ...job, body: { jobs: withAll } } satisfies LoopJob;
  }

  /** What a piece reads from memory: through inlined tensors what these are made of. */
  private leavesOf(piece: KernelPiece, found: Set<Tensor> = new Set()): Set<Tensor> {
    for (const { view } of piece.reads) {
      if (this.fusing.inlined.has(view.tensor)) this.leavesOf(this.fusing.makers.get(view.tensor)!.piece, found);
      else found.add(view.tensor);
    }
    return found;
  }

  private register(node: Node): void {
    for (const tensor of node.writes) {
      const list = this.makerOf.get(tensor);
      if (list) list.push(node);
      else this.makerOf.set(tensor, [node]);
    }
    for (const tensor of node.reads) {
      const set = this.readersOf.get(tensor);
      if (set) set.add(node);
      else this.readersOf.set(tensor, new Set([node]));
    }
  }

  joinAll(): void {
    for (const node of [...this.nodes]) {
      if (!node.group || this.isGone(node)) continue;
      let reader = node;
      const refused = new Set<Node>();
      for (;;) {
        const maker = this.makersFor(reader).find((each) => !refused.has(each));
        if (!maker) break;
        const joined = this.join(maker, reader);
        if (joined) reader = joined;
        else refused.add(maker);
      }
    }
  }

  private readonly gone = new Set<Node>();
  private isGone(node: Node): boolean {
    return this.gone.has(node);
  }

  /** Groups that make what this one reads, the largest first. */
  private makersFor(reader: Node): readonly Node[] {
    const bytes = new Map<Node, number>();
    for (const tensor of reader.reads) {
      const [maker, ...more] = this.makerOf.get(tensor) ?? [];
      if (!maker?.group || maker === reader || more.length > 0) continue;
      bytes.set(maker, (bytes.get(maker) ?? 0) + bytesOf(tensor, this.fusing.numVariants));
    }
    return [...bytes].sort(([a, x], [b, y]) => y - x || a.first - b.first).map(([node]) => node);
  }

  private join(maker: Node, reader: Node): Node | null {
    const links = this.linksBetween(maker, reader);
    if (!links) return null;
    const group = matched(maker.group!, reader.group!, links);
    if (!group || this.isBetween(maker, reader)) return null;
    const members = [...group.members].sort((a, b) => this.positions.get(a.piece)! - this.positions.get(b.piece)!);
    const joined: Node = {
      job: null,
      group: { ...group, members },
      first: Math.min(maker.first, reader.first),
      last: Math.max(maker.last, reader.last),
      reads: new Set([...maker.reads, ...[...reader.reads].filter((tensor) => !maker.writes.has(tensor))]),
      writes: new Set([...maker.writes, ...reader.writes]),
    };
    for (const old of [maker, reader]) {
      this.gone.add(old);
      for (const tensor of old.reads) this.readersOf.get(tensor)!.delete(old);
      for (const tensor of old.writes) {
        const list = this.makerOf.get(tensor)!;
        list.splice(list.indexOf(old), 1);
      }
    }
    this.register(joined);
    this.nodes.push(joined);
    return joined;
  }

  /** Where the reader reads what the maker writes; null where it does so at computed places. */
  private linksBetween(maker: Node, reader: Node): readonly Link[] | null {
    const written = new Map<Tensor, Link["written"]>();
    for (const { piece, places } of maker.group!.members)
      for (const { tensor, dims } of piece.writes) written.set(tensor, dims.map((dim) => substitute(dim, places)!));
    const links: Link[] = [];
    const visit = (piece: KernelPiece, read: (k: number) => Link["read"] | null): boolean =>
      piece.reads.every(({ view }, k) => {
        if (this.fusing.inlined.has(view.tensor)) return !this.readsThrough(view.tensor, written);
        const write = written.get(view.tensor);
        if (!write) return true;
        const at = read(k);
        if (!at) return false;
        links.push({ tensor: view.tensor, written: write, read: at });
        return true;
      });
    for (const { piece, places } of reader.group!.members) {
      const isFine = visit(piece, (k) => {
        const { access, isComputed } = piece.reads[k]!;
        if (!access || isComputed) return null;
        return access.dims.map((dim) => substitute(dim, places)!);
      });
      if (!isFine) return null;
    }
    return links;
  }

  /** Whether an inlined tensor is made of one of these. */
  private readsThrough(tensor: Tensor, written: ReadonlyMap<Tensor, unknown>): boolean {
    return this.fusing.makers
      .get(tensor)!
      .piece.reads.some(({ view }) =>
        this.fusing.inlined.has(view.tensor) ? this.readsThrough(view.tensor, written) : written.has(view.tensor),
      );
  }

  /** Whether something must run after the maker and before the reader. */
  private isBetween(maker: Node, reader: Node): boolean {
    const seen = new Set<Node>();
    const stack: Node[] = [];
    const push = (node: Node): void => {
      if (seen.has(node) || node === maker || node.first >= reader.last) return;
      seen.add(node);
      stack.push(node);
    };
    const followers = (node: Node, see: (next: Node) => void): void => {
      for (const tensor of node.writes) this.readersOf.get(tensor)?.forEach(see);
    };
    followers(maker, (next) => {
      if (next !== reader) push(next);
    });
    for (let node = stack.pop(); node; node = stack.pop()) {
      let isFound = false;
      followers(node, (next) => {
        if (next === reader) isFound = true;
        else push(next);
      });
      if (isFound) return true;
    }
    return false;
  }

  finish(): readonly Job<KernelJob>[] {
    const { fusing } = this;
    const alive = this.nodes.filter((node) => !this.isGone(node));
    const isStored = (tensor: Tensor, group: Group): boolean => {
      if (fusing.required.has(tensor)) return true;
      if (fusing.inlined.has(tensor)) return false;
      const own = new Set(group.members.map(({ piece }) => piece));
      for (const node of this.readersOf.get(tensor) ?? [])
        if (node.group === null || !node.group.members.some(({ piece }) => own.has(piece))) return true;
      return false;
    };
    const around: Surroundings = { makers: fusing.makers, inlined: fusing.inlined, isStored };
    const jobs: Job<KernelJob>[] = [];
    for (const node of ordered(alive, this.makerOf)) {
      if (node.job) jobs.push(node.job.kind === "loop" ? this.finishLoop(node.job) : (node.job as Job<KernelJob>));
      else if (this.isNeeded(node, isStored)) jobs.push(buildKernel(node.group!, around));
    }
    return jobs;
  }

  private finishLoop(job: LoopJob): LoopJob {
    return { ...job, body: { jobs: fuseBlock(job.body.jobs as readonly Job<KernelPiece>[], this.fusing) } };
  }

  private isNeeded({ group, writes }: Node, isStored: Surroundings["isStored"]): boolean {
    return [...writes].some((tensor) => isStored(tensor, group!));
  }
}

/** Makers before readers; else in the order of the program. */
function ordered(nodes: readonly Node[], makerOf: ReadonlyMap<Tensor, readonly Node[]>): readonly Node[] {
  const byFirst = [...nodes].sort((a, b) => a.last - b.last);
  const done = new Set<Node>();
  const result: Node[] = [];
  const visit = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const tensor of node.reads) for (const maker of makerOf.get(tensor) ?? []) if (maker !== node) visit(maker);
    result.push(node);
  };
  for (const node of byFirst) visit(node);
  return result;
}
