// Runs a logical or placed graph on whole values, in float64: the reference for everything else. Slow and obvious.
// Local graphs run on simulated ranks: see interpret-local.ts.
import type { Graph, InputSource, LogicalValue, RepeatStep, Step } from "./graph.js";
import type { NdArray } from "./nd.js";
import { zeros } from "./nd.js";
import type { State } from "./state.js";

/** What a graph leaves behind. Observed values by label. */
export interface GraphRun {
  readonly results: ReadonlyMap<string, NdArray>;
  readonly updates: ReadonlyMap<State, NdArray>;
  readonly observed: ReadonlyMap<string, NdArray>;
}

type Held = Map<number, NdArray>;

/** Throws an `Error` where a shape is not what its type says, or where a `gradient` step was not differentiated. */
export function runGraph(
  graph: Graph<"logical"> | Graph<"placed">,
  inputOf: (source: InputSource, value: LogicalValue) => NdArray,
): GraphRun {
  const held: Held = new Map();
  for (const { value, source } of graph.inputs) put(held, value, inputOf(source, value));
  runSteps(graph.steps, held);
  const named = (list: readonly { readonly value: LogicalValue }[], key: (i: number) => string): Map<string, NdArray> =>
    new Map(list.map(({ value }, i) => [key(i), get(held, value)]));
  return {
    results: named(graph.results, (i) => graph.results[i]!.name),
    observed: named(graph.observed, (i) => graph.observed[i]!.label),
    updates: new Map(graph.updates.map(({ state, value }) => [state, get(held, value)])),
  };
}

function get(held: Held, value: LogicalValue): NdArray {
  const found = held.get(value.id);
  if (!found) throw new Error(`value %${value.id} ${value.name} is read before it is made`);
  return found;
}

function put(held: Held, value: LogicalValue, data: NdArray): void {
  if (String(data.shape) !== String(value.type.shape))
    throw new Error(`value %${value.id} ${value.name} is [${data.shape}], not [${value.type.shape}]`);
  held.set(value.id, data);
}

function runSteps(steps: readonly (Step<"logical"> | Step<"placed">)[], held: Held): void {
  for (const step of steps) {
    if (step.kind === "gradient") throw new Error("a gradient step has no meaning before it is differentiated");
    if (step.kind === "repeat") runRepeat(step, held);
    else {
      const inputs = step.inputs.map((value) => get(held, value));
      const results = step.op.reference(inputs, step.attrs);
      step.outputs.forEach((value, o) => {
        put(held, value, results[o]!);
      });
    }
  }
}

function runRepeat(step: RepeatStep<"logical"> | RepeatStep<"placed">, held: Held): void {
  for (const { start, enter } of step.carried) put(held, enter, get(held, start));
  for (const { outer, inner } of step.shared) put(held, inner, get(held, outer));
  for (let round = 0; round < step.count; round++) {
    for (const { items, each } of step.stacked) put(held, each, get(held, items[round]!));
    runSteps(step.body, held);
    for (const { each, items } of step.collected) put(held, items[round]!, get(held, each));
    const leaving = step.carried.map(({ leave }) => get(held, leave));
    step.carried.forEach(({ enter, result }, i) => {
      put(held, round === step.count - 1 ? result : enter, leaving[i]!);
    });
  }
}

/** Zeros for every state of a program: what they hold before anything has run. */
export const zeroStates = (states: readonly State[]): Map<State, NdArray> =>
  new Map(states.map((state) => [state, zeros(state.type.shape)]));
