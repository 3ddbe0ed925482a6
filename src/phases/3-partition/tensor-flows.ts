// Which graph results can reach which graph inputs through host variables. All ends of one flow share a placement, so a
// tensor passes from graph to graph as it lies.
import type { HostBlock, HostExpression, HostVariable, RunGraph } from "../../ir/host.js";

export interface TensorFlows {
  /** The flow that a graph's tensor input or result belongs to; null where the host code never runs the graph with it. */
  readonly of: (graph: string, side: "input" | "result", name: string) => number | null;
  /** Graphs in the order in which the host code first names them. */
  readonly graphs: readonly string[];
}

export function findTensorFlows(main: HostBlock): TensorFlows {
  const leaders = new Map<HostVariable, HostVariable>();
  const leaderOf = (variable: HostVariable): HostVariable => {
    const leader = leaders.get(variable);
    return leader === undefined || leader === variable ? variable : leaderOf(leader);
  };
  const join = (a: HostVariable, b: HostVariable): void => void leaders.set(leaderOf(a), leaderOf(b));
  const runs: RunGraph[] = [];
  visit(main, runs, join);

  const ends = new Map<string, HostVariable>();
  const keyOf = (graph: string, side: string, name: string): string => `${side} ${graph} ${name}`;
  const bind = (key: string, variable: HostVariable): void => {
    const other = ends.get(key);
    if (other) join(variable, other);
    else ends.set(key, variable);
  };
  for (const run of runs) {
    for (const { name, variable } of run.tensors) bind(keyOf(run.graph, "input", name), variable);
    for (const { name, variable } of run.results) bind(keyOf(run.graph, "result", name), variable);
  }
  const numbers = new Map<HostVariable, number>();
  return {
    of: (graph, side, name) => {
      const variable = ends.get(keyOf(graph, side, name));
      if (variable === undefined) return null;
      const leader = leaderOf(variable);
      if (!numbers.has(leader)) numbers.set(leader, numbers.size);
      return numbers.get(leader)!;
    },
    graphs: [...new Set(runs.map(({ graph }) => graph))],
  };
}

function visit(block: HostBlock, runs: RunGraph[], join: (a: HostVariable, b: HostVariable) => void): void {
  for (const statement of block)
    switch (statement.kind) {
      case "let":
      case "assign":
        for (const variable of variablesOf(statement.value))
          if (variable.type === "tensor") join(statement.variable, variable);
        break;
      case "if":
        visit(statement.then, runs, join);
        visit(statement.otherwise, runs, join);
        break;
      case "while":
      case "scope":
        visit(statement.body, runs, join);
        break;
      case "run":
        runs.push(statement);
        break;
    }
}

/** The variables whose tensor an expression may be. */
function variablesOf(expression: HostExpression): readonly HostVariable[] {
  if (expression.kind === "read") return [expression.variable];
  if (expression.kind === "conditional") return [...variablesOf(expression.then), ...variablesOf(expression.otherwise)];
  return [];
}
