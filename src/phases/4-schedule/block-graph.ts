// The jobs of a block on their way to kernels: who makes and who reads each tensor, whether something lies between two,
// and an order in which everything is made before it is read.
import type { Group } from "./groups.js";
import type { Job, KernelPiece, Tensor } from "./work.js";

/** A job of the block, or pieces that are to be one. */
export interface Node {
  readonly job: Job<KernelPiece> | null;
  readonly group: Group | null;
  /** Positions of its first and last part in the block. */
  readonly first: number;
  readonly last: number;
  readonly reads: Set<Tensor>;
  readonly writes: Set<Tensor>;
}

export class BlockGraph {
  private readonly nodes = new Set<Node>();
  private readonly makers = new Map<Tensor, Node[]>();
  private readonly readers = new Map<Tensor, Set<Node>>();
  /** Groups of several pieces. */
  private readonly spans = new Set<Node>();

  has(node: Node): boolean {
    return this.nodes.has(node);
  }
  all(): readonly Node[] {
    return [...this.nodes];
  }
  makersOf(tensor: Tensor): readonly Node[] {
    return this.makers.get(tensor) ?? [];
  }
  readersOf(tensor: Tensor): ReadonlySet<Node> {
    return this.readers.get(tensor) ?? new Set();
  }
  /** Every tensor that is read, with its readers. */
  read(): readonly (readonly [Tensor, ReadonlySet<Node>])[] {
    return [...this.readers];
  }

  add(node: Node): void {
    this.nodes.add(node);
    if (node.first < node.last) this.spans.add(node);
    for (const tensor of node.writes) {
      const list = this.makers.get(tensor);
      if (list) list.push(node);
      else this.makers.set(tensor, [node]);
    }
    for (const tensor of node.reads) this.addReader(tensor, node);
  }

  private addReader(tensor: Tensor, node: Node): void {
    const set = this.readers.get(tensor);
    if (set) set.add(node);
    else this.readers.set(tensor, new Set([node]));
  }

  remove(node: Node): void {
    this.nodes.delete(node);
    this.spans.delete(node);
    for (const tensor of node.reads) this.readers.get(tensor)!.delete(node);
    for (const tensor of node.writes) {
      const list = this.makers.get(tensor)!;
      list.splice(list.indexOf(node), 1);
    }
  }

  /** A tensor is no longer read by those who read it: they read what it is made of. */
  readInstead(tensor: Tensor, leaves: readonly Tensor[]): void {
    for (const reader of this.readersOf(tensor)) {
      reader.reads.delete(tensor);
      for (const leaf of leaves) {
        reader.reads.add(leaf);
        this.addReader(leaf, reader);
      }
    }
    this.readers.delete(tensor);
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
  isBetween(maker: Node, reader: Node): boolean {
    const seen = new Set<Node>();
    const stack: Node[] = [];
    const reach = this.reachOf(reader.last);
    const push = (node: Node): void => {
      if (seen.has(node) || node === maker || node.first >= reach) return;
      seen.add(node);
      stack.push(node);
    };
    const followers = (node: Node, see: (next: Node) => void): void => {
      for (const tensor of node.writes) this.readersOf(tensor).forEach(see);
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

  /** Makers before readers; else in the order of the program. */
  ordered(): readonly Node[] {
    const byLast = [...this.nodes].sort((a, b) => a.last - b.last);
    const done = new Set<Node>();
    const result: Node[] = [];
    const open = new Set<Node>();
    const visit = (node: Node): void => {
      if (done.has(node)) return;
      if (open.has(node)) throw new Error("kernels were joined in a circle");
      open.add(node);
      for (const tensor of node.reads) for (const maker of this.makersOf(tensor)) if (maker !== node) visit(maker);
      open.delete(node);
      done.add(node);
      result.push(node);
    };
    for (const node of byLast) visit(node);
    return result;
  }
}
