// How often a training step runs each graph, from the host code: a step is one round of the innermost loop that runs a
// graph with updates; loops inside with a fixed count, such as that over microbatches, count as often as they turn.
import type { Graph, Step } from "./graph.js";
import type { HostBlock, HostExpression } from "./host.js";
import type { Program } from "./program.js";

/** Of graphs that take gradients or update; others, such as validation, are no part of a step. */
export function runsPerStep({ graphs, main }: Pick<Program<"local">, "graphs" | "main">): ReadonlyMap<string, number> {
  const has = (name: string, ...phases: readonly Step["phase"][]): boolean =>
    (graphs.get(name) as Graph<"local"> | undefined)?.steps.some(({ phase }) => phases.includes(phase)) ?? false;
  const runs = new Map<string, number>();
  /** What a block runs, and whether there are updates in it. */
  const walk = (block: HostBlock, times: number, found: Map<string, number>): boolean => {
    let updates = false;
    for (const statement of block) {
      if (statement.kind === "run") {
        if (!has(statement.graph, "backward", "update")) continue;
        found.set(statement.graph, (found.get(statement.graph) ?? 0) + times);
        if (has(statement.graph, "update")) updates = true;
      } else if (statement.kind === "scope") updates = walk(statement.body, times, found) || updates;
      else if (statement.kind === "if") {
        for (const branch of [statement.then, statement.otherwise]) updates = walk(branch, times, found) || updates;
      } else if (statement.kind === "while") {
        const inside = new Map<string, number>();
        if (walk(statement.body, 1, inside)) keep(inside);
        else {
          const turns = fixedTurns(statement.condition);
          if (turns !== null)
            for (const [graph, count] of inside) found.set(graph, (found.get(graph) ?? 0) + times * turns * count);
        }
      }
    }
    return updates;
  };
  const keep = (found: ReadonlyMap<string, number>): void => {
    for (const [graph, count] of found) runs.set(graph, Math.max(count, runs.get(graph) ?? 0));
  };
  const outside = new Map<string, number>();
  if (walk(main, 1, outside)) keep(outside);
  return runs;
}

/** Loops count from zero: `i < 3` turns three times. Null where only the running program knows. */
const fixedTurns = (condition: HostExpression): number | null =>
  condition.kind === "binary" &&
  condition.operator === "<" &&
  condition.left.kind === "read" &&
  condition.right.kind === "literal" &&
  typeof condition.right.value === "number"
    ? condition.right.value
    : null;
