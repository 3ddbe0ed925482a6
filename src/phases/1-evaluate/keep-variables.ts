// Host variables that stand for fields of the trainer, and of what it holds, are kept: they live as long as the program
// and go into checkpoints. Their names are their paths (`globalStep`, `optimizer.paramGroups.0.lr`).
import type { HostBlock, HostExpression, HostStatement, HostVariable } from "../../ir/host.js";
import { operandsOf, variablesOf } from "../../ir/host-parts.js";
import { reachableCells } from "./cells.js";
import { renameVariables } from "./simplify-host.js";

const startOf = { number: 0, boolean: false, string: "" } as const;

/** The code over kept variables, and these. A first value that is known when the program starts needs no statement. */
export function keepVariables(
  main: HostBlock,
  trainer: object | null,
): { readonly main: HostBlock; readonly variables: readonly HostVariable[] } {
  const lets = new Map<HostVariable, HostStatement & { kind: "let" }>();
  for (const statement of main) if (statement.kind === "let") lets.set(statement.variable, statement);
  const kept = new Map<HostVariable, HostVariable>();
  const dropped = new Set<HostStatement>();
  for (const [path, { variable }] of trainer ? reachableCells(trainer) : []) {
    if (kept.has(variable)) continue;
    const first = lets.get(variable);
    const isConstant = first !== undefined && isKnownAtStart(first.value);
    if (isConstant) dropped.add(first);
    const initial: HostExpression = isConstant
      ? first.value
      : { kind: "literal", value: startOf[variable.type as keyof typeof startOf] };
    kept.set(variable, {
      ...variable,
      name: path.replace("config.callbacks.callbacks.", "callbacks."),
      kept: true,
      initial,
    });
  }
  const code = main.filter((statement) => !dropped.has(statement));
  return {
    main: renameVariables(code, (variable) => kept.get(variable) ?? variable),
    variables: [...kept.values()],
  };
}

/** It depends on the config alone. */
const isKnownAtStart = (expression: HostExpression): boolean =>
  [...variablesOf(expression)].length === 0 &&
  !["query", "numBatches", "item"].includes(expression.kind) &&
  operandsOf(expression).every(isKnownAtStart);
