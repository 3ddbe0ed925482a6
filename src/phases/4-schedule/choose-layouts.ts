// Purpose: the order of each tensor's dims in memory. It is the usual one unless calls of the runtime or kernels ask for
// another: a tensor is laid out so that the fewest bytes are copied for calls, whose groups of letters must lie one behind
// the other, and walked across memory by kernels. Tensors that must be alike have one order.
// Example: attention's result [b, h, t, d], read as [b, t, (hd)], lies as [b, t, h, d].
import type { Amount } from "../../ir/scheduled.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { is, most, plus, product, times } from "./amounts.js";
import { bestWay, copiedBytes, wishedOrders } from "./call-ways.js";
import type { LoweredGraph } from "./lower-graph.js";
import { visitJobs } from "./touches.js";
import type { CallJob, DraftOperand, Job, KernelJob, Letter, Tensor } from "./work.js";

/** Strides of each dim of a tensor, in elements. */
export type Layouts = (tensor: Tensor) => readonly Amount[];

/** `fixed`: tensors that lie in the usual order because somebody else says so. */
export function chooseLayouts(
  graph: LoweredGraph,
  jobs: readonly Job<KernelJob>[],
  fixed: ReadonlySet<Tensor>,
  numVariants: number,
): Layouts {
  return new Choosing(graph, jobs, fixed, numVariants).choose();
}

type User = CallJob | KernelJob;

class Choosing {
  private readonly alike = new Alike();
  private readonly fixed = new Set<Tensor>();
  private readonly users = new Map<Tensor, Map<object, User>>();
  private readonly orders = new Map<Tensor, readonly number[]>();
  constructor(
    graph: LoweredGraph,
    jobs: readonly Job<KernelJob>[],
    fixed: ReadonlySet<Tensor>,
    private readonly numVariants: number,
  ) {
    const given = new Set(fixed);
    for (const [tensor, { items }] of graph.rounds) for (const item of items) this.alike.join(tensor, item);
    visitJobs(jobs, (job) => {
      if (job.kind !== "collective") return;
      for (const { source, target } of job.parts) {
        if (job.what === "all-reduce" && job.axis !== "pp") this.alike.join(source, target);
        else given.add(source).add(target);
      }
    });
    for (const tensor of [...given, ...this.alike.all(), ...graph.inputs])
      if (given.has(tensor) || tensor.source !== null) this.fixed.add(this.alike.first(tensor));
    visitJobs(jobs, (job) => {
      if (job.kind === "call") for (const { view } of job.ways[0].operands) this.use(view.tensor, job);
      else if (job.kind === "kernel") for (const { tensor } of job.operands) this.use(tensor, job);
    });
  }

  private use(tensor: Tensor, user: User): void {
    if (tensor.shape.length < 2 || tensor.source !== null) return;
    const first = this.alike.first(tensor);
    if (this.fixed.has(first)) return;
    // Copies of a kernel for other rounds wish the same.
    const key = user.kind === "kernel" ? user.passes : user;
    const known = this.users.get(first);
    if (known === undefined) this.users.set(first, new Map([[key, user]]));
    else if (!known.has(key)) known.set(key, user);
  }

  choose(): Layouts {
    for (const [first, byKey] of this.users) {
      const users = new Set(byKey.values());
      const usual = first.shape.map((_, dim) => dim);
      let least = this.cost(users);
      for (const order of this.candidates(first, users)) {
        if (least === 0) break;
        const before = this.orders.get(first);
        this.orders.set(first, order);
        const cost = this.cost(users);
        if (cost < least) least = cost;
        else this.orders.set(first, before ?? usual);
      }
    }
    const known = new Map<Tensor, readonly Amount[]>();
    return (tensor) => {
      const there = known.get(tensor);
      if (there) return there;
      const strides = this.layout(tensor);
      known.set(tensor, strides);
      return strides;
    };
  }

  private readonly layout = (tensor: Tensor): readonly Amount[] =>
    stridesIn(this.orders.get(this.alike.first(tensor)), tensor, this.numVariants);

  private candidates(first: Tensor, users: ReadonlySet<User>): readonly (readonly number[])[] {
    const found = new Map<string, readonly number[]>();
    const add = (order: readonly number[]): void => {
      if (order.length === first.shape.length) found.set(order.join(), order);
    };
    const isOf = (tensor: Tensor): boolean => this.alike.first(tensor) === first;
    for (const user of users) {
      if (user.kind === "call") {
        for (const { operands } of user.ways)
          for (const operand of operands)
            if (isOf(operand.view.tensor)) wishedOrders(operand, first.shape.length).forEach(add);
      } else
        for (const operand of user.operands) if (isOf(operand.tensor) && operand.dims) add(this.orderIn(user, operand));
    }
    return [...found.values()];
  }

  /** Dims in the order in which the largest other operand of a kernel has its letters. */
  private orderIn(kernel: KernelJob, { tensor, dims }: DraftOperand): readonly number[] {
    const others = kernel.operands.filter((other) => other.tensor !== tensor && other.dims !== null);
    const [leader] = others.sort((a, b) => this.bytesOf(b, kernel) - this.bytesOf(a, kernel));
    const strides = leader ? letterStrides(leader, this.layout(leader.tensor)) : new Map<Letter, Amount>();
    const reach = (dim: number): number =>
      Math.max(0, ...[...dims![dim]!.terms.keys()].map((letter) => strides.get(letter)?.[0] ?? 0));
    return tensor.shape.map((_, dim) => dim).sort((a, b) => reach(b) - reach(a) || a - b);
  }

  private cost(users: ReadonlySet<User>): number {
    let cost = 0;
    for (const user of users)
      cost +=
        user.kind === "call"
          ? 3 * copiedBytes(bestWay(user, this.layout, this.numVariants), this.layout, this.numVariants)
          : this.acrossBytes(user);
    return cost;
  }

  /** Bytes of a kernel's operands that do not lie element by element along the letter along which most do. */
  private acrossBytes(kernel: KernelJob): number {
    const bytes = new Map<Letter, number>();
    let total = 0;
    for (const operand of kernel.operands) {
      if (operand.dims === null) continue;
      const strides = letterStrides(operand, this.layout(operand.tensor));
      const near = [...strides].find(([, stride]) => is(stride, 1))?.[0];
      if (near === undefined) continue;
      const own = this.bytesOf(operand, kernel);
      total += own;
      bytes.set(near, (bytes.get(near) ?? 0) + own);
    }
    return bytes.size < 2 ? 0 : total - Math.max(...bytes.values());
  }

  private bytesOf({ tensor, dims }: DraftOperand, { outer, inner }: KernelJob): number {
    const own = new Set((dims ?? []).flatMap(({ terms }) => [...terms.keys()]));
    return [...outer, ...inner].reduce(
      (n, letter) => (own.has(letter) ? n * most(letter.size) : n),
      numBytesOf[tensor.dtype],
    );
  }
}

/** Strides of a kernel's letters in an operand. */
export function letterStrides({ dims }: DraftOperand, layout: readonly Amount[]): ReadonlyMap<Letter, Amount> {
  const strides = new Map<Letter, Amount>();
  dims?.forEach(({ terms }, dim) => {
    for (const [letter, step] of terms) {
      const stride = times(step, layout[dim]!);
      const known = strides.get(letter);
      strides.set(letter, known ? plus(known, stride) : stride);
    }
  });
  return strides;
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

/** Row-major unless told another order of the dims, outermost first. */
function stridesIn(order: readonly number[] | undefined, { shape }: Tensor, numVariants: number): readonly Amount[] {
  const strides: Amount[] = new Array<Amount>(shape.length);
  let stride: Amount = product([], numVariants);
  for (const dim of [...(order ?? shape.keys())].reverse()) {
    strides[dim] = stride;
    stride = times(stride, shape[dim]!);
  }
  return strides;
}
