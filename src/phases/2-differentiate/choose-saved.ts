// What a backward body needs of its forward round is kept or made again. Elementwise work and changes of layout may be
// made again; what is kept is the cut through the round that holds the fewest bytes (a minimum cut, as in Chen et al.
// 2016 and PyTorch's partitioner), so that memory is least among all ways that repeat no heavy work and send nothing again.
import type { LogicalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import { readsOf } from "../../ir/steps.js";
import { numBytesOf, numElements } from "../../ir/tensor-type.js";
import type { IsSent } from "./find-sent.js";

export interface Chosen {
  /** Values that came into the round from outside and come in again. */
  readonly entries: ReadonlySet<number>;
  /** Values that the forward repeat collects. */
  readonly saved: readonly LogicalValue[];
  /** Steps that are run again, in their order. */
  readonly again: readonly OpStep<"logical">[];
}

/** `steps` is the backward body, with forward values as they are named forward; `ends` what it hands out, `inside` the values of the round. */
export function chooseSaved(
  step: RepeatStep<"logical">,
  steps: readonly Step<"logical">[],
  ends: readonly LogicalValue[],
  inside: ReadonlyMap<number, LogicalValue>,
  isSent: IsSent,
): Chosen {
  const makers = new Map<number, OpStep<"logical">>();
  for (const inner of step.body) if (inner.kind === "op") for (const { id } of inner.outputs) makers.set(id, inner);
  const isFree = new Set([...step.stacked.map(({ each }) => each.id), ...step.shared.map(({ inner }) => inner.id)]);
  const needed = new Set<number>();
  for (const { id } of [...steps.flatMap((inner) => [...readsOf(inner)]), ...ends]) if (inside.has(id)) needed.add(id);

  const mayRepeat = (maker: OpStep<"logical">): boolean => isCheap(maker) && !isSent(maker);
  const cut = minimumCut(needed, makers, isFree, inside, mayRepeat);
  const entries = new Set<number>();
  const saved: LogicalValue[] = [];
  const again = new Set<OpStep<"logical">>();
  const bring = (id: number): void => {
    if (entries.has(id) || saved.some((value) => value.id === id)) return;
    if (isFree.has(id)) entries.add(id);
    else if (cut.has(id)) saved.push(inside.get(id)!);
    else {
      const maker = makers.get(id)!;
      if (again.has(maker)) return;
      again.add(maker);
      for (const value of maker.inputs) bring(value.id);
    }
  };
  for (const id of needed) bring(id);
  return {
    entries,
    saved,
    again: step.body.filter((inner): inner is OpStep<"logical"> => inner.kind === "op" && again.has(inner)),
  };
}

/** Work that may be done twice: no reductions, no products. */
function isCheap({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean {
  const lowering = op.lower(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  );
  return (
    lowering.kind === "regroup" ||
    lowering.kind === "slice" ||
    (lowering.kind === "loops" && lowering.body.inner.length === 0)
  );
}

/** The values to keep: those that cut every way from what must be kept to what is needed, with the fewest bytes. */
function minimumCut(
  needed: ReadonlySet<number>,
  makers: ReadonlyMap<number, OpStep<"logical">>,
  isFree: ReadonlySet<number>,
  inside: ReadonlyMap<number, LogicalValue>,
  mayRepeat: (maker: OpStep<"logical">) => boolean,
): ReadonlySet<number> {
  // Nodes: 0 source, 1 sink, then an entry and an exit for each value; capacity of a value is its bytes.
  const numbers = new Map([...inside.keys()].map((id, i) => [id, 2 + 2 * i]));
  const edges: { to: number; capacity: number }[] = [];
  const out: number[][] = Array.from({ length: 2 + 2 * inside.size }, () => []);
  const connect = (from: number, to: number, capacity: number): void => {
    out[from]!.push(edges.length);
    edges.push({ to, capacity });
    out[to]!.push(edges.length);
    edges.push({ to: from, capacity: 0 });
  };
  for (const [id, { type }] of inside) {
    const node = numbers.get(id)!;
    connect(node, node + 1, isFree.has(id) ? 0 : numElements(type.shape) * numBytesOf[type.dtype]);
    if (needed.has(id)) connect(node + 1, 1, Number.POSITIVE_INFINITY);
    const maker = makers.get(id);
    if (maker && mayRepeat(maker)) {
      for (const input of maker.inputs) connect(numbers.get(input.id)! + 1, node, Number.POSITIVE_INFINITY);
    } else if (!isFree.has(id)) connect(0, node, Number.POSITIVE_INFINITY);
  }
  const parent = new Int32Array(out.length);
  const findPath = (): boolean => {
    parent.fill(-1);
    parent[0] = -2;
    const queue = [0];
    for (let head = 0; head < queue.length; head++)
      for (const edge of out[queue[head]!]!) {
        const { to, capacity } = edges[edge]!;
        if (capacity > 0 && parent[to] === -1) {
          parent[to] = edge;
          queue.push(to);
        }
      }
    return parent[1] !== -1;
  };
  while (findPath()) {
    let flow = Number.POSITIVE_INFINITY;
    for (let node = 1; node !== 0; node = edges[parent[node]! ^ 1]!.to)
      flow = Math.min(flow, edges[parent[node]!]!.capacity);
    for (let node = 1; node !== 0; node = edges[parent[node]! ^ 1]!.to) {
      edges[parent[node]!]!.capacity -= flow;
      edges[parent[node]! ^ 1]!.capacity += flow;
    }
  }
  // Of equal cuts the one nearest to what is needed: less is made again. Its side of the sink is what can still reach it.
  const reaches = new Uint8Array(out.length);
  reaches[1] = 1;
  const queue = [1];
  for (let head = 0; head < queue.length; head++)
    for (const edge of out[queue[head]!]!) {
      const { to } = edges[edge]!;
      if (edges[edge ^ 1]!.capacity > 0 && reaches[to] === 0) {
        reaches[to] = 1;
        queue.push(to);
      }
    }
  return new Set([...numbers].filter(([, node]) => reaches[node] === 0 && reaches[node + 1] === 1).map(([id]) => id));
}
