// Joins the pieces of one block into kernels, step by step; what must stay apart is told by match.ts and block-graph.ts.
import { BlockGraph, type Node } from "./block-graph.js";
import { buildKernel, type Surroundings } from "./build-kernel.js";
import { aloneIn, type Group, isElementwise, type Maker } from "./groups.js";
import { sameLinear, substitute } from "./linear.js";
import type { LoweredGraph } from "./lower-graph.js";
import { type Link, matched } from "./match.js";
import { touchedBy } from "./touches.js";
import type { Job, KernelJob, KernelPiece, Linear, LoopJob, Tensor } from "./work.js";
import { bytesOf, cheapWork, leastShared, repeatsWork } from "./worth-joining.js";

export interface Fusing {
  readonly graph: LoweredGraph;
  /** Whether pieces are joined at all; else each op has a kernel of its own. */
  readonly isFused: boolean;
  readonly numVariants: number;
  readonly makers: ReadonlyMap<Tensor, Maker>;
  /** Tensors that are made again by everyone who reads them. */
  readonly inlined: ReadonlySet<Tensor>;
  /** Tensors that something else than a kernel reads. */
  readonly required: ReadonlySet<Tensor>;
}

export function fuseBlock(jobs: readonly Job<KernelPiece>[], fusing: Fusing): readonly Job<KernelJob>[] {
  const block = new BlockFusing(jobs, fusing);
  if (fusing.isFused) {
    // What saves much comes first: a join may make another impossible.
    for (const least of [1 << 20, 0]) block.joinAll(least);
    block.joinNeighbours();
    block.inlineRest();
  }
  return block.finish();
}

class BlockFusing {
  private readonly graph = new BlockGraph();
  private readonly positions = new Map<KernelPiece, number>();
  /** What is made again by those who read it: everywhere, or in this block. */
  private readonly inlined: Set<Tensor>;
  constructor(
    jobs: readonly Job<KernelPiece>[],
    private readonly fusing: Fusing,
  ) {
    this.inlined = new Set(fusing.inlined);
    jobs.forEach((job, position) => {
      const isPiece = job.kind === "piece";
      if (isPiece) this.positions.set(job, position);
      const { reads, writes } = isPiece
        ? { reads: this.leavesOf(job), writes: new Set(job.writes.map(({ tensor }) => tensor)) }
        : touchedBy(this.withLeaves(job), fusing.graph.rounds);
      this.graph.add({
        job: isPiece ? null : job,
        group: isPiece ? aloneIn(job, fusing.numVariants) : null,
        first: position,
        last: position,
        reads: new Set(reads),
        writes: new Set(writes),
      });
    });
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

  /** Joins readers with makers where that saves at least so many bytes. */
  joinAll(leastBytes: number): void {
    for (const node of this.graph.all()) {
      if (!node.group || !this.graph.has(node)) continue;
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

  /** Groups that make what this one reads; first those that save most. */
  private makersFor(reader: Node, leastBytes: number): readonly Node[] {
    const bytes = new Map<Node, number>();
    for (const tensor of reader.reads) {
      const [maker, ...more] = this.graph.makersOf(tensor);
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
    for (const [tensor, readers] of this.graph.read()) {
      if (bytesOf(tensor, this.fusing.numVariants) < leastShared) continue;
      const groups = [...readers].filter(({ group }) => group !== null).sort((a, b) => a.last - b.last);
      for (let i = 0; i < groups.length; i++)
        for (let j = i + 1; j < groups.length; j++) {
          const [first, second] = [groups[i]!, groups[j]!];
          if (!this.graph.has(first) || !this.graph.has(second)) continue;
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
    if (this.graph.isBetween(first, second) || this.graph.isBetween(second, first)) return null;
    const group = matched(first.group!, second.group!, [{ tensor, written: a[0]!, read: b[0]! }]);
    return group ? this.replace(first, second, group) : null;
  }

  /** Elementwise results that few read, and that are made again as cheaply as they are stored and loaded. */
  inlineRest(): void {
    const { fusing } = this;
    for (const [tensor, { piece }] of fusing.makers) {
      const [maker, ...more] = this.graph.makersOf(tensor);
      if (!maker?.group || more.length > 0 || fusing.required.has(tensor) || !isElementwise(piece)) continue;
      if (piece.flops > cheapWork || !this.positions.has(piece)) continue;
      const readers = [...this.graph.readersOf(tensor)];
      if (readers.length === 0 || readers.length > 2 || readers.some(({ group }) => group === null)) continue;
      const leaves = [...this.leavesOf(piece)];
      // What the group makes without storing it is not there for others.
      if (leaves.some((leaf) => maker.writes.has(leaf)) || maker.group.members.length > 1) continue;
      const bytes = (tensors: readonly Tensor[]): number =>
        tensors.reduce((n, each) => n + bytesOf(each, fusing.numVariants), 0);
      const paid = readers.reduce((n, { reads }) => n + bytes(leaves.filter((leaf) => !reads.has(leaf))), 0);
      if (paid > bytes([tensor]) * (1 + readers.length)) continue;
      this.inlined.add(tensor);
      this.graph.remove(maker);
      this.graph.readInstead(tensor, leaves);
    }
  }

  private join(maker: Node, reader: Node): Node | null {
    const links = this.linksBetween(maker, reader);
    if (!links || repeatsWork(maker.group!, reader.group!, links)) return null;
    const group = matched(maker.group!, reader.group!, links);
    if (!group || this.graph.isBetween(maker, reader)) return null;
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
    this.graph.remove(maker);
    this.graph.remove(reader);
    this.graph.add(joined);
    return joined;
  }

  /** Where the reader reads what the maker writes; null where it does so at computed places. */
  private linksBetween(maker: Node, reader: Node): readonly Link[] | null {
    const written = new Map<Tensor, Link["written"]>();
    for (const { piece, places } of maker.group!.members)
      for (const { tensor, dims } of piece.writes)
        written.set(
          tensor,
          dims.map((dim) => substitute(dim, places)!),
        );
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

  finish(): readonly Job<KernelJob>[] {
    const { fusing } = this;
    const isStored = (tensor: Tensor, group: Group): boolean => {
      if (fusing.required.has(tensor)) return true;
      if (this.inlined.has(tensor)) return false;
      const own = new Set(group.members.map(({ piece }) => piece));
      for (const node of this.graph.readersOf(tensor))
        if (node.group === null || !node.group.members.some(({ piece }) => own.has(piece))) return true;
      return false;
    };
    const around: Surroundings = { makers: fusing.makers, inlined: this.inlined, isStored };
    const jobs: Job<KernelJob>[] = [];
    for (const node of this.graph.ordered()) {
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
