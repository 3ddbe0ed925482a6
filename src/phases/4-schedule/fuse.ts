// Purpose: pieces become kernels, as few bytes through memory as possible. Cheap pieces that read next to nothing are made
// again by whoever reads them; then every piece joins the kernels that make what it reads, where both can walk one index
// space and nothing that lies between them would have to run in the middle. Needs: lowered blocks. Leaves: kernels in an
// order that respects what they read. Never across a loop's border, a collective or a call.
// Example: matmul, + bias, gelu, * mask is a call and one kernel.
import { most, product } from "./amounts.js";
import { buildKernel, type Surroundings } from "./build-kernel.js";
import { aloneIn, type Group, isElementwise, type Maker } from "./groups.js";
import { sameLinear, substitute } from "./linear.js";
import type { LoweredGraph } from "./lower-graph.js";
import { type Link, matched } from "./match.js";
import { directReads, touchedBy, visitItems, visitJobs } from "./touches.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { hasScalar, scalarOf } from "./scalars.js";
import type { Job, KernelJob, KernelPiece, Linear, LoopJob, Scalar, Tensor } from "./work.js";

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

/** Smaller tensors are in the cache when they are read again. */
const leastShared = 1 << 18;
/** Work per element, in additions, that may be done again. */
const cheapWork = 6;

/** The different places at which a group reads a tensor, in its letters. */
function placesOfReads({ members }: Group, tensor: Tensor): readonly (readonly Linear[])[] {
  const found: (readonly Linear[])[] = [];
  for (const { piece, places } of members)
    for (const { view, access, isComputed } of piece.reads) {
      if (view.tensor !== tensor) continue;
      if (!access || isComputed) return [];
      const at = access.dims.map((dim) => substitute(dim, places)!);
      if (!found.some((other) => other.every((each, dim) => sameLinear(each, at[dim]!)))) found.push(at);
    }
  return found;
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
  if (fusing.options.isFused) {
    // What saves much comes first: a join may make another impossible.
    for (const least of [1 << 20, 0]) block.joinAll(least);
    block.joinNeighbours();
    block.inlineRest();
  }
  return block.finish();
}

class BlockFusing {
  private readonly nodes: Node[];
  private readonly makerOf = new Map<Tensor, Node[]>();
  private readonly readersOf = new Map<Tensor, Set<Node>>();
  private readonly positions = new Map<KernelPiece, number>();
  /** What is made again by those who read it: everywhere, or in this block. */
  private readonly inlined: Set<Tensor>;
  constructor(
    jobs: readonly Job<KernelPiece>[],
    private readonly fusing: Fusing,
  ) {
    this.inlined = new Set(fusing.inlined);
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
    const isInlined = (tensor: Tensor): boolean => this.inlined.has(tensor);
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
      if (this.inlined.has(view.tensor)) this.leavesOf(this.fusing.makers.get(view.tensor)!.piece, found);
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

  /** Joins readers with makers where that saves at least so many bytes. */
  joinAll(leastBytes: number): void {
    for (const node of [...this.nodes]) {
      if (!node.group || this.isGone(node)) continue;
      let reader = node;
      const refused = new Set<Node>();
      for (;;) {
        const maker = this.makersFor(reader, leastBytes).find((each) => !refused.has(each));
        if (!maker) break;
        const joined = this.join(maker, reader);
        if (joined) reader = joined;
        else refused.add(maker);
      }
    }
  }

  private readonly gone = new Set<Node>();
  /** Groups of several pieces. */
  private readonly spans = new Set<Node>();
  private isGone(node: Node): boolean {
    return this.gone.has(node);
  }

  /** Groups that make what this one reads; first those that save most. */
  private makersFor(reader: Node, leastBytes: number): readonly Node[] {
    const bytes = new Map<Node, number>();
    for (const tensor of reader.reads) {
      const [maker, ...more] = this.makerOf.get(tensor) ?? [];
      if (!maker?.group || maker === reader || more.length > 0) continue;
      const known = bytes.get(maker) ?? this.sharedBytes(maker, reader);
      bytes.set(maker, known + bytesOf(tensor, this.fusing.numVariants));
    }
    return [...bytes]
      .filter(([, saved]) => saved >= leastBytes)
      .sort(([a, x], [b, y]) => y - x || a.first - b.first)
      .map(([node]) => node);
  }

  /** Bytes that both read. */
  private sharedBytes(a: Node, b: Node): number {
    let bytes = 0;
    for (const tensor of a.reads) if (b.reads.has(tensor)) bytes += bytesOf(tensor, this.fusing.numVariants);
    return bytes;
  }

  /** Joins groups that read the same and walk it alike, though none reads what the other makes. */
  joinNeighbours(): void {
    for (const [tensor, readers] of [...this.readersOf]) {
      if (bytesOf(tensor, this.fusing.numVariants) < leastShared) continue;
      const groups = [...readers].filter(({ group }) => group !== null).sort((a, b) => a.last - b.last);
      for (let i = 0; i < groups.length; i++)
        for (let j = i + 1; j < groups.length; j++) {
          const [first, second] = [groups[i]!, groups[j]!];
          if (this.isGone(first) || this.isGone(second)) continue;
          const joined = this.joinSiblings(first, second, tensor);
          if (joined) groups[j] = joined;
        }
    }
  }

  private joinSiblings(first: Node, second: Node, tensor: Tensor): Node | null {
    if (this.linksBetween(first, second)?.length !== 0 || this.linksBetween(second, first)?.length !== 0) return null;
    if (first.group!.inner.length !== second.group!.inner.length) return null;
    const [a, b] = [placesOfReads(first.group!, tensor), placesOfReads(second.group!, tensor)];
    if (a.length !== 1 || b.length !== 1) return null;
    if (this.isBetween(first, second) || this.isBetween(second, first)) return null;
    const group = matched(first.group!, second.group!, [{ tensor, written: a[0]!, read: b[0]! }]);
    return group ? this.replace(first, second, group) : null;
  }

  /** Elementwise results that few read, and that are made again as cheaply as they are stored and loaded. */
  inlineRest(): void {
    const { fusing } = this;
    for (const [tensor, { piece }] of fusing.makers) {
      const [maker, ...more] = this.makerOf.get(tensor) ?? [];
      if (!maker?.group || more.length > 0 || fusing.required.has(tensor) || !isElementwise(piece)) continue;
      if (piece.flops > cheapWork || !this.positions.has(piece)) continue;
      const readers = [...(this.readersOf.get(tensor) ?? [])];
      if (readers.length === 0 || readers.length > 2 || readers.some(({ group }) => group === null)) continue;
      const leaves = [...this.leavesOf(piece)];
      // What the group makes without storing it is not there for others.
      if (leaves.some((leaf) => maker.writes.has(leaf)) || maker.group.members.length > 1) continue;
      const bytes = (tensors: readonly Tensor[]): number =>
        tensors.reduce((n, each) => n + bytesOf(each, fusing.numVariants), 0);
      const paid = readers.reduce((n, { reads }) => n + bytes(leaves.filter((leaf) => !reads.has(leaf))), 0);
      if (paid > bytes([tensor]) * (1 + readers.length)) continue;
      this.inlined.add(tensor);
      for (const reader of readers) {
        reader.reads.delete(tensor);
        for (const leaf of leaves) {
          reader.reads.add(leaf);
          this.readersOf.get(leaf)?.add(reader);
        }
      }
      this.readersOf.delete(tensor);
      for (const leaf of maker.reads) this.readersOf.get(leaf)?.delete(maker);
      this.gone.add(maker);
      this.makerOf.delete(tensor);
    }
  }

  private join(maker: Node, reader: Node): Node | null {
    const links = this.linksBetween(maker, reader);
    if (!links || repeatsWork(maker.group!, reader.group!, links)) return null;
    const group = matched(maker.group!, reader.group!, links);
    if (!group || this.isBetween(maker, reader)) return null;
    return this.replace(maker, reader, group);
  }

  private replace(maker: Node, reader: Node, group: Group): Node {
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
      this.spans.delete(old);
      for (const tensor of old.reads) this.readersOf.get(tensor)!.delete(old);
      for (const tensor of old.writes) {
        const list = this.makerOf.get(tensor)!;
        list.splice(list.indexOf(old), 1);
      }
    }
    this.register(joined);
    this.nodes.push(joined);
    this.spans.add(joined);
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
        if (this.inlined.has(view.tensor)) return !this.readsThrough(view.tensor, written);
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
        this.inlined.has(view.tensor) ? this.readsThrough(view.tensor, written) : written.has(view.tensor),
      );
  }

  /** Nothing that begins at this position or later leads to what ends before `position`: ways go back only in groups. */
  private reachOf(position: number): number {
    let reach = position;
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const { first, last } of this.spans)
        if (first < reach && last > reach) {
          reach = last;
          isStable = false;
        }
    }
    return reach + 1;
  }

  /** Whether something must run after the maker and before the reader. */
  private isBetween(maker: Node, reader: Node): boolean {
    const seen = new Set<Node>();
    const stack: Node[] = [];
    const reach = this.reachOf(reader.last);
    const push = (node: Node): void => {
      if (seen.has(node) || node === maker || node.first >= reach) return;
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
      if (this.inlined.has(tensor)) return false;
      const own = new Set(group.members.map(({ piece }) => piece));
      for (const node of this.readersOf.get(tensor) ?? [])
        if (node.group === null || !node.group.members.some(({ piece }) => own.has(piece))) return true;
      return false;
    };
    const around: Surroundings = { makers: fusing.makers, inlined: this.inlined, isStored };
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

/** Work per element that is worth a store and a load for each time that it is not done again. */
const worthStoring = 8;

/** Whether a reduction would compute what it reads in several walks over its rows, and that is much. */
function repeatsWork(maker: Group, reader: Group, links: readonly Link[]): boolean {
  if (maker.inner.length > 0 || reader.inner.length === 0) return false;
  const work = maker.members.reduce((n, { piece }) => n + piece.flops, 0);
  if (work <= worthStoring) return false;
  const tensors = new Set(links.map(({ tensor }) => tensor));
  const walks = reader.members.reduce((n, { piece }) => {
    if (piece.inner.length === 0) return n;
    const isRead = (each: Scalar): boolean => each.kind === "input" && tensors.has(piece.reads[each.input]!.view.tensor);
    return n + piece.passes.filter((pass) => pass.kind !== "let" && hasScalar(scalarOf(pass), isRead)).length;
  }, 0);
  return walks > 1;
}

/** Makers before readers; else in the order of the program. */
function ordered(nodes: readonly Node[], makerOf: ReadonlyMap<Tensor, readonly Node[]>): readonly Node[] {
  const byFirst = [...nodes].sort((a, b) => a.last - b.last);
  const done = new Set<Node>();
  const result: Node[] = [];
  const open = new Set<Node>();
  const visit = (node: Node): void => {
    if (done.has(node)) return;
    if (open.has(node)) throw new Error("kernels were joined in a circle");
    open.add(node);
    for (const tensor of node.reads) for (const maker of makerOf.get(tensor) ?? []) if (maker !== node) visit(maker);
    open.delete(node);
    done.add(node);
    result.push(node);
  };
  for (const node of byFirst) visit(node);
  return result;
}
