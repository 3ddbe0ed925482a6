// Purpose: a gradient that every graph leaves as it found it at the program's start, at zero, need not be kept: where it
// is read it is zero. Needs: a logical program whose gradients are made. Leaves: one without such states.
// Example: with one microbatch a step ends with `zeroGrad`, so its gradients live within the step alone.
import { BlockBuilder, nowhere, ValueIds } from "../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import type { Program } from "../../ir/program.js";
import type { State } from "../../ir/state.js";
import { highestId, replaceInSteps } from "../../ir/steps.js";
import { constant } from "../../ops/table.js";

/** What a gradient holds before anything has run. */
const atStart = 0;

export function forgetConstantStates(program: Program<"logical">): Program<"logical"> {
  const forgotten = constantStates(program);
  if (forgotten.size === 0) return program;
  const graphs = [...program.graphs].map(([name, graph]) => [name, withoutStates(graph, forgotten)] as const);
  return {
    ...program,
    states: program.states.filter((state) => !forgotten.has(state)),
    graphs: new Map(graphs),
  };
}

/** Gradients whose every update writes zero, or writes back what was read. */
function constantStates({ states, graphs }: Program<"logical">): ReadonlySet<State> {
  const found = new Set(states.filter(({ kind }) => kind === "gradient"));
  for (const graph of graphs.values()) {
    const numbers = constantsOf(graph.steps);
    const held = new Map(
      graph.inputs.flatMap(({ value, source }) => (source.kind === "state" ? [[source.state, value.id] as const] : [])),
    );
    for (const { state, value } of graph.updates)
      if (numbers.get(value.id) !== atStart && held.get(state) !== value.id) found.delete(state);
  }
  return found;
}

/** By id, the number that fills a value of the graph's own steps wholly. */
function constantsOf(steps: readonly Step<"logical">[]): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  for (const step of steps) {
    if (step.kind !== "op" || step.outputs.length !== 1) continue;
    const given = step.inputs.map(({ id }) => numbers.get(id) ?? null);
    if (given.length > 0 && given.every((number) => number === null)) continue;
    const number = numberOf(step, given);
    if (number !== null) numbers.set(step.outputs[0]!.id, number);
  }
  return numbers;
}

function numberOf({ op, attrs, inputs }: OpStep<"logical">, given: readonly (number | null)[]): number | null {
  const shortcut = op.shortcut(
    given,
    inputs.map(({ type }) => type),
    attrs,
  );
  if (shortcut === null) return null;
  return "constant" in shortcut ? shortcut.constant : given[shortcut.input]!;
}

function withoutStates(graph: LogicalGraph, forgotten: ReadonlySet<State>): LogicalGraph {
  const isForgotten = (input: LogicalGraph["inputs"][number]): boolean =>
    input.source.kind === "state" && forgotten.has(input.source.state);
  const block = new BlockBuilder(new ValueIds(highestId(graph) + 1), nowhere);
  const swap = new Map<number, LogicalValue>();
  for (const { value } of graph.inputs.filter(isForgotten)) {
    const [made] = block.emit(constant, [], { ...value.type, value: atStart }, value);
    swap.set(value.id, made!);
  }
  const updates = graph.updates.filter(({ state }) => !forgotten.has(state));
  if (swap.size === 0) return updates.length === graph.updates.length ? graph : { ...graph, updates };
  const replace = (value: LogicalValue): LogicalValue => swap.get(value.id) ?? value;
  const end = <E extends { readonly value: LogicalValue }>(list: readonly E[]): readonly E[] =>
    list.map((each) => ({ ...each, value: replace(each.value) }));
  return {
    ...graph,
    inputs: graph.inputs.filter((input) => !isForgotten(input)),
    steps: [...block.steps, ...replaceInSteps(graph.steps, replace)],
    results: end(graph.results),
    updates: end(updates),
    observed: end(graph.observed),
  };
}
