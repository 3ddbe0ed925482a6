// Programs around hand-made graphs, for tests: host code that runs each graph once, in order.

import type { LogicalGraph } from "../src/ir/graph.js";
import type { HostStatement, HostVariable } from "../src/ir/host.js";
import { defaultLayout } from "../src/ir/layout.js";
import { oneRank } from "../src/ir/mesh.js";
import type { Program } from "../src/ir/program.js";
import type { State } from "../src/ir/state.js";

/** Scalars are 1; a tensor input reads the result of the same name of an earlier graph. */
export function programOf(graphs: readonly LogicalGraph[], more: Partial<Program<"logical">> = {}): Program<"logical"> {
  const tensors = new Map<string, HostVariable>();
  const tensor = (name: string): HostVariable => {
    const known = tensors.get(name) ?? { name, type: "tensor", kept: false, initial: null };
    tensors.set(name, known);
    return known;
  };
  const batch: HostVariable = { name: "batch", type: "batch", kept: false, initial: null };
  const main = graphs.map((graph): HostStatement => {
    const named = <K extends "scalar" | "tensor">(kind: K): readonly string[] =>
      graph.inputs.flatMap(({ source }) => (source.kind === kind ? [(source as { readonly name: string }).name] : []));
    return {
      kind: "run",
      graph: graph.name,
      batch: graph.inputs.some(({ source }) => source.kind === "batch") ? batch : null,
      scalars: named("scalar").map((name) => ({ name, value: { kind: "literal", value: 1 } })),
      tensors: named("tensor").map((name) => ({ name, variable: tensor(name) })),
      results: graph.results.map(({ name }) => ({ name, variable: tensor(name) })),
      origin: null,
    };
  });
  return {
    level: "logical",
    name: "test",
    file: "test.ts",
    config: [],
    mesh: oneRank,
    precision: { compute: "f32", reduce: "f32" },
    modules: [],
    states: [...new Set(graphs.flatMap(statesOf))],
    plan: null,
    variables: [],
    loaders: [],
    layout: defaultLayout,
    computedBatches: [],
    graphs: new Map(graphs.map((graph) => [graph.name, graph])),
    main,
    ...more,
  };
}

const statesOf = (graph: LogicalGraph): readonly State[] => [
  ...graph.inputs.flatMap(({ source }) => (source.kind === "state" ? [source.state] : [])),
  ...graph.updates.map(({ state }) => state),
];
