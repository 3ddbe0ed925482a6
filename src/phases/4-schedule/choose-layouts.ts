// Purpose: the order of each tensor's dims in memory. It is the usual one unless calls of the runtime ask for another: a
// tensor is laid out so that as few bytes as possible have to be copied for calls, whose groups of letters must lie one
// behind the other. Kernels read and write through strides and have no wish. Tensors that must be alike have one order.
// Example: attention's result [b, h, t, d], read as [b, t, (hd)], lies as [b, t, h, d].
import { numBytesOf } from "../../ir/tensor-type.js";
import type { Amount } from "../../ir/scheduled.js";
import { is, most, product, sameAmount, times } from "./amounts.js";
import type { LoweredGraph } from "./lower-graph.js";
import { visitJobs } from "./touches.js";
import type { CallJobOperand, Job, KernelJob, Part, Tensor } from "./work.js";

/** Strides of each dim of a tensor, in elements. */
export type Layouts = (tensor: Tensor) => readonly Amount[];

/** `fixed`: tensors that lie in the usual order because somebody else says so. */
export function chooseLayouts(
  graph: LoweredGraph,
  jobs: readonly Job<KernelJob>[],
  fixed: ReadonlySet<Tensor>,
  numVariants: number,
): Layouts {
  const alike = new Alike();
  const isFixed = new Set<Tensor>(fixed);
  for (const [tensor, { items }] of graph.rounds) for (const item of items) alike.join(tensor, item);
  const uses = new Map<Tensor, CallJobOperand[]>();
  visitJobs(jobs, (job) => {
    if (job.kind === "collective")
      for (const { source, target } of job.parts) {
        if (job.what === "all-reduce") alike.join(source, target);
        else {
          isFixed.add(source);
          isFixed.add(target);
        }
      }
    if (job.kind !== "call") return;
    for (const operand of job.operands) {
      const known = uses.get(operand.view.tensor);
      if (known) known.push(operand);
      else uses.set(operand.view.tensor, [operand]);
    }
  });
  const usesOf = new Map<Tensor, CallJobOperand[]>();
  const fixedOnes = new Set<Tensor>();
  for (const tensor of isFixed) fixedOnes.add(alike.first(tensor));
  for (const [tensor, list] of uses) {
    const first = alike.first(tensor);
    usesOf.set(first, [...(usesOf.get(first) ?? []), ...list]);
    if (tensor.source !== null) fixedOnes.add(first);
  }
  for (const tensor of alike.all()) if (tensor.source !== null) fixedOnes.add(alike.first(tensor));
  const orders = new Map<Tensor, readonly number[]>();
  for (const [first, list] of usesOf) if (!fixedOnes.has(first)) orders.set(first, bestOrder(first, list, numVariants));
  const known = new Map<Tensor, readonly Amount[]>();
  return (tensor) => {
    const there = known.get(tensor);
    if (there) return there;
    const order = orders.get(alike.first(tensor)) ?? tensor.shape.map((_, dim) => dim);
    const strides = stridesIn(order, tensor, numVariants);
    known.set(tensor, strides);
    return strides;
  };
}

/** Sets of tensors that must lie alike. */
class Alike {
  private readonly parents = new Map<Tensor, Tensor>();
  first(tensor: Tensor): Tensor {
    let now = tensor;
    for (let next = this.parents.get(now); next; next = this.parents.get(now)) now = next;
    if (now !== tensor) this.parents.set(tensor, now);
    return now;
  }
  join(a: Tensor, b: Tensor): void {
    const [x, y] = [this.first(a), this.first(b)];
    if (x !== y) this.parents.set(x, y);
  }
  all(): Iterable<Tensor> {
    return this.parents.keys();
  }
}

export function stridesIn(order: readonly number[], { shape }: Tensor, numVariants: number): readonly Amount[] {
  const strides: Amount[] = new Array<Amount>(shape.length);
  let stride: Amount = product([], numVariants);
  for (const dim of [...order].reverse()) {
    strides[dim] = stride;
    stride = times(stride, shape[dim]!);
  }
  return strides;
}

function bestOrder(tensor: Tensor, uses: readonly CallJobOperand[], numVariants: number): readonly number[] {
  const usual = tensor.shape.map((_, dim) => dim);
  const candidates = [usual];
  for (const use of uses) candidates.push(...wishes(use, tensor.shape.length));
  let best = usual;
  let least = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const order of candidates) {
    if (seen.has(order.join())) continue;
    seen.add(order.join());
    const strides = stridesIn(order, tensor, numVariants);
    const cost = uses.reduce((n, use) => n + (callStrides(use, strides, numVariants) ? 0 : bytesOf(use)), 0);
    if (cost < least) [best, least] = [order, cost];
  }
  return best;
}

const bytesOf = ({ view }: CallJobOperand): number =>
  view.shape.reduce((n, size) => n * most(size), 1) * numBytesOf[view.tensor.dtype];

/** Orders of the dims in which this operand could be handed over: its groups in their order, one of its unit groups last. */
function wishes({ groups, unit }: CallJobOperand, numDims: number): readonly number[][] {
  const dimsOf = (parts: readonly Part[]): readonly number[] => parts.map(({ dim }) => dim).filter((dim) => dim >= 0);
  const lasts = groups.filter(({ group }) => unit.includes(group));
  return (lasts.length === 0 ? [null] : lasts).map((last) => {
    const list = [...groups.filter((group) => group !== last), ...(last ? [last] : [])];
    const wished = [...new Set(list.flatMap(({ parts }) => dimsOf(parts)))];
    const others = Array.from({ length: numDims }, (_, dim) => dim).filter((dim) => !wished.includes(dim));
    return [...others, ...wished];
  });
}

/** The stride of each group, or null where the operand cannot be handed over as it lies. */
export function callStrides(
  { groups, unit }: Pick<CallJobOperand, "groups" | "unit">,
  layout: readonly Amount[],
  numVariants: number,
): readonly Amount[] | null {
  const strides: Amount[] = [];
  let hasUnit = unit.length === 0;
  for (const { group, parts } of groups) {
    let stride: Amount | null = null;
    let size: Amount | null = null;
    for (const part of [...parts].reverse()) {
      if (part.dim < 0) return null;
      const own = times(part.step, layout[part.dim]!);
      if (stride === null || size === null) stride = own;
      else if (!sameAmount(own, times(stride, size))) return null;
      size = size === null ? part.size : times(size, part.size);
    }
    // A group of one place may have any stride.
    const known: Amount = stride ?? new Array<number>(numVariants).fill(1);
    if (unit.includes(group) && is(known, 1)) hasUnit = true;
    strides.push(known);
  }
  return hasUnit ? strides : null;
}
