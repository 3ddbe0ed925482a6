// The call of a graph from host code: its inputs by name, its results one by one into the host's variables.
import type { RunGraph } from "../../src/ir/host.js";
import { cppIdentifier } from "../cpp-text.js";
import { type ExpressionNames, writeExpression } from "./expression.js";

/** How the function of each graph is called in C++, by the graph's name. */
export type GraphNames = ReadonlyMap<string, string>;

/** Names of fields are the same on both sides: what the graph calls an input or a result, as an identifier. */
export const graphField = (name: string): string => cppIdentifier(name);

export function writeRun(statement: RunGraph, names: ExpressionNames, graphs: GraphNames): readonly string[] {
  const fn = graphs.get(statement.graph);
  if (fn === undefined) throw new Error(`no graph is called ${statement.graph}`);
  const inputs = [
    ...(statement.batch ? [`.batch = ${names.nameOf(statement.batch)}`] : []),
    ...statement.scalars.map(({ name, value }) => `.${graphField(name)} = ${writeExpression(value, names)}`),
    ...statement.tensors.map(({ name, variable }) => `.${graphField(name)} = ${names.nameOf(variable)}`),
  ];
  const call = `graphs::${fn}(run, {${inputs.join(", ")}})`;
  if (statement.results.length === 0) return [`${call};`];
  return [
    "{",
    `  const auto results = ${call};`,
    ...statement.results.map(({ name, variable }) => `  ${names.nameOf(variable)} = results.${graphField(name)};`),
    "}",
  ];
}
