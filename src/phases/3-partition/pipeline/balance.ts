// Stages of about the same cost: the model's layers in the order in which they run, cut into contiguous parts so that the
// most expensive one is as cheap as can be. A layer is a module of the model, or an item of one of its lists.
import type { LocalGraph, LocalValue, Step } from "../../../ir/graph.js";
import type { State } from "../../../ir/state.js";

export interface Layer {
  readonly path: string;
  /** Of one forward pass: multiplications and additions, and bytes. */
  readonly cost: number;
}

/** The layers that the graphs run through, in order. */
export function layersOf(graphs: readonly LocalGraph[]): readonly Layer[] {
  const costs = new Map<string, number>();
  for (const graph of graphs) new Walk(graph, costs).run();
  return [...costs].map(([path, cost]) => ({ path, cost }));
}

/** `model.blocks.3.attn.qProj` is of `model.blocks.3`, `model.norm.weight` of `model.norm`; null: of no layer. */
export function layerPath(path: string): string | null {
  const parts = path.split(".");
  const item = parts.findIndex((part) => /^\d+$/.test(part));
  const count = item >= 0 ? item + 1 : 2;
  return parts.length < count ? null : parts.slice(0, count).join(".");
}

class Walk {
  private readonly states = new Map<number, State>();
  private last: string | null = null;
  constructor(
    private readonly graph: LocalGraph,
    private readonly costs: Map<string, number>,
  ) {
    for (const { value, source } of graph.inputs) if (source.kind === "state") this.states.set(value.id, source.state);
  }

  run(): void {
    for (const step of this.graph.steps) if (step.phase === "forward") this.see(step);
  }

  private add(path: string | null, cost: number): void {
    // What belongs to no layer goes with the one before.
    const to = path ?? this.last;
    if (to === null) return;
    this.costs.set(to, (this.costs.get(to) ?? 0) + cost);
    this.last = to;
  }

  private layerOfState({ id }: LocalValue): string | null {
    const state = this.states.get(id);
    return state === undefined ? null : layerPath((state.of ?? state).name);
  }

  private see(step: Step<"local">): void {
    if (step.kind === "repeat") {
      const cost = step.body.reduce((sum, inner) => sum + costOf(inner), 0);
      for (let round = 0; round < step.count; round++) {
        const paths = step.stacked.map(({ items }) => this.layerOfState(items[round]!));
        this.add(paths.find((path) => path !== null) ?? null, cost);
      }
      return;
    }
    const own = step.inputs.map((value) => this.layerOfState(value)).find((path) => path !== null) ?? null;
    const module = layerPath(step.scope);
    // A tied table is of the layer that holds it, its use of the one that uses it.
    this.add(module ?? own, costOf(step));
    if (own !== null && !this.costs.has(own)) this.costs.set(own, 0);
  }
}

function costOf(step: Step<"local">): number {
  if (step.kind === "repeat") return step.count * step.body.reduce((sum, inner) => sum + costOf(inner), 0);
  if (step.kind !== "op") return 0;
  const types = (values: readonly LocalValue[]) => values.map(({ type }) => type);
  const { flops, bytes } = step.op.cost(types(step.inputs), types(step.outputs), step.attrs);
  return flops + bytes;
}

/** The number of layers of each part; null where there are fewer layers than parts. */
export function balanced(costs: readonly number[], numParts: number): readonly number[] | null {
  if (costs.length < numParts) return null;
  const sums = [0];
  for (const cost of costs) sums.push(sums.at(-1)! + cost);
  const between = (first: number, end: number): number => sums[end]! - sums[first]!;
  /** `most[p][n]`: the dearest of p parts of the first n layers, at best; `cuts[p][n]`: where the last part begins. */
  const most: number[][] = [[0, ...costs.map(() => Number.POSITIVE_INFINITY)]];
  const cuts: number[][] = [[]];
  for (let parts = 1; parts <= numParts; parts++) {
    most.push(new Array<number>(costs.length + 1).fill(Number.POSITIVE_INFINITY));
    cuts.push([]);
    for (let end = parts; end <= costs.length; end++)
      for (let first = parts - 1; first < end; first++) {
        const dearest = Math.max(most[parts - 1]![first]!, between(first, end));
        if (!(dearest < most[parts]![end]!)) continue;
        most[parts]![end] = dearest;
        cuts[parts]![end] = first;
      }
  }
  const counts: number[] = [];
  for (let [parts, end] = [numParts, costs.length]; parts > 0; parts--) {
    const first = cuts[parts]![end]!;
    counts.unshift(end - first);
    end = first;
  }
  return counts;
}
