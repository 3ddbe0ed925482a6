// Purpose: what a graph leaves behind is written where it belongs. A tensor that a job makes lies in its state's or
// result's own memory where nobody reads the old state afterwards; else a kernel at the end copies it there.
// Needs: kernels in order. Leaves: a home for every state that changes and every result.
import type { State } from "../../ir/state.js";
import { copyKernel } from "./copy-operands.js";
import { sameLinear } from "./linear.js";
import type { LoweredGraph } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import { directReads, directWrites, visitItems } from "./touches.js";
import { isWhole, wholeView } from "./views.js";
import type { Job, KernelJob, Tensor, View } from "./work.js";

export type Outside =
  | { readonly kind: "state"; readonly state: State }
  | { readonly kind: "result"; readonly name: string };

export interface Bound {
  readonly jobs: readonly Job<KernelJob>[];
  /** Tensors that lie outside the arena, apart from inputs. */
  readonly outside: ReadonlyMap<Tensor, Outside>;
}

export function bindOutside(graph: LoweredGraph, jobs: readonly Job<KernelJob>[], lowering: Lowering): Bound {
  const uses = new Uses(graph, jobs);
  const outside = new Map<Tensor, Outside>();
  const early: Job<KernelJob>[] = [];
  const late: Job<KernelJob>[] = [];
  const stateInputs = new Map<State, Tensor>();
  for (const tensor of graph.inputs) if (tensor.source?.kind === "state") stateInputs.set(tensor.source.state, tensor);
  const changing = new Set(graph.updates.map(({ state }) => state));
  const end = { origin: null, scope: "", phase: "update", op: "copy" } as const;
  const home = (view: View, where: Outside): void => {
    const tensor = lowering.tensor(view.tensor.name, view.tensor.dtype, view.shape);
    outside.set(tensor, where);
    late.push(copyKernel(view, tensor, end, lowering));
  };
  /** An old state that is overwritten while others still want it is put aside first. */
  const settled = (view: View): View => {
    const { source } = view.tensor;
    if (source?.kind !== "state" || !changing.has(source.state)) return view;
    const tensor = lowering.tensor(view.tensor.name, view.tensor.dtype, view.shape);
    early.push(copyKernel(view, tensor, end, lowering));
    uses.readAtEnd(view.tensor);
    return wholeView(tensor, lowering.numVariants);
  };
  const sources = graph.updates.map(({ state, view }) => {
    const isItself = view.tensor === stateInputs.get(state) && isWhole(view);
    return { state, view: isItself ? null : settled(view) };
  });
  const results = graph.results.map(({ name, view }) => ({ name, view: settled(view) }));
  for (const { state, view } of sources) {
    if (view === null) continue;
    const old = stateInputs.get(state);
    const isFree = isWhole(view) && !outside.has(view.tensor) && uses.canLieOutside(view.tensor, old ?? null);
    if (isFree) outside.set(view.tensor, { kind: "state", state });
    else home(view, { kind: "state", state });
  }
  for (const { name, view } of results) {
    const isFree = isWhole(view) && !outside.has(view.tensor) && uses.canLieOutside(view.tensor, null);
    if (isFree) outside.set(view.tensor, { kind: "result", name });
    else home(view, { kind: "result", name });
  }
  return { jobs: [...jobs, ...early, ...late], outside };
}

/** Where tensors are made and read last, by position in the outermost block. */
class Uses {
  private readonly writers = new Map<Tensor, number[]>();
  private readonly lastReads = new Map<Tensor, number>();
  private readonly looped = new Set<Tensor>();
  /** Tensors that a loop of the outermost block makes, one in each round, and where it is. */
  private readonly items = new Map<Tensor, number>();
  constructor(
    graph: LoweredGraph,
    private readonly jobs: readonly Job<KernelJob>[],
  ) {
    const walk = (list: readonly Job<KernelJob>[], position: number | null): void => {
      list.forEach((job, i) => {
        const at = position ?? i;
        if (job.kind === "loop") {
          for (const tensor of job.makes) this.looped.add(tensor);
          walk(job.body.jobs as readonly Job<KernelJob>[], at);
          return;
        }
        for (const tensor of directReads(job)) visitItems(tensor, graph.rounds, (item) => this.lastReads.set(item, at));
        for (const tensor of directWrites(job)) {
          if (position !== null) this.looped.add(tensor);
          const known = this.writers.get(tensor);
          if (known) known.push(at);
          else this.writers.set(tensor, [at]);
        }
      });
    };
    walk(jobs, null);
    for (const [tensor, { items }] of graph.rounds) for (const each of [tensor, ...items]) this.looped.add(each);
    const inRows = new Set(graph.rows.flat());
    const places = new Map<Tensor, number>();
    for (const { items } of graph.rounds.values())
      for (const item of items) places.set(item, (places.get(item) ?? 0) + 1);
    jobs.forEach((job, at) => {
      if (job.kind !== "loop") return;
      // What also enters a round, or is written elsewhere too, has its own life.
      for (const tensor of job.makes)
        if (inRows.has(tensor) && places.get(tensor) === 1 && !this.writers.has(tensor) && !graph.rounds.has(tensor))
          this.items.set(tensor, at);
    });
  }

  readAtEnd(tensor: Tensor): void {
    this.lastReads.set(tensor, this.jobs.length);
  }

  /** Whether one job makes all of the tensor, and nobody reads what lies there until then once it has begun. */
  canLieOutside(tensor: Tensor, old: Tensor | null): boolean {
    const loop = this.items.get(tensor);
    if (loop !== undefined) return old === null || (this.lastReads.get(old) ?? -1) < loop;
    const [at, ...more] = this.writers.get(tensor) ?? [];
    if (at === undefined || more.length > 0 || this.looped.has(tensor) || tensor.source !== null) return false;
    if (old === null) return true;
    const last = this.lastReads.get(old) ?? -1;
    if (last < at) return true;
    return last === at && isInPlace(this.jobs[at]!, tensor, old);
  }
}

/** Whether a kernel reads the old tensor nowhere but where it then writes the new one. */
export function isInPlace(job: Job<KernelJob>, written: Tensor, read: Tensor): boolean {
  if (job.kind !== "kernel") return false;
  const writes = job.operands.filter(({ role, tensor }) => role === "write" && tensor === written);
  const reads = job.operands.filter(({ role, tensor }) => role === "read" && tensor === read);
  const [write, ...more] = writes;
  const own = write?.dims;
  if (!own || more.length > 0 || own.length !== read.shape.length) return false;
  return reads.every(({ dims }) => dims?.every((dim, d) => sameLinear(dim, own[d]!)) ?? false);
}
