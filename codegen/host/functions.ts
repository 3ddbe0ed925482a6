// Which named scopes of the host code become functions of their own, and what these take: a variable that is also used
// outside is a parameter, by reference if the function gives it a value. A scope that something jumps out of, other
// than by its own `leave`, stays in place.
import type { HostBlock, HostStatement, HostVariable } from "../../src/ir/host.js";
import { blocksOf } from "../../src/ir/host-parts.js";
import { countOccurrences, type Occurrence, occurrences, ownOccurrences } from "./variables.js";

export type ScopeStatement = HostStatement & { kind: "scope" };

export interface HostParameter {
  readonly variable: HostVariable;
  readonly byReference: boolean;
}
export interface HostFunction {
  /** Null for the program's main. */
  readonly scope: ScopeStatement | null;
  readonly body: HostBlock;
  readonly parameters: readonly HostParameter[];
}

/** The functions of a program, callees before callers, its main last. */
export function findFunctions(main: HostBlock): readonly HostFunction[] {
  const everywhere = countOccurrences(main);
  const found: HostFunction[] = [];
  const visit = (block: HostBlock): void => {
    for (const statement of block) {
      for (const inner of blocksOf(statement)) visit(inner);
      if (statement.kind === "scope" && statement.name !== "" && staysInside(statement))
        found.push({ scope: statement, body: statement.body, parameters: parametersOf(statement, everywhere) });
    }
  };
  visit(main);
  return [...found, { scope: null, body: main, parameters: [] }];
}

function parametersOf(scope: ScopeStatement, everywhere: ReadonlyMap<HostVariable, number>): readonly HostParameter[] {
  const written = new Set([...occurrences(scope.body)].filter((use) => use.written).map(({ variable }) => variable));
  return [...countOccurrences(scope.body)]
    .filter(([variable, count]) => !variable.kept && count < everywhere.get(variable)!)
    .map(([variable]) => ({ variable, byReference: written.has(variable) }));
}

/** Every jump in the scope has its target in the scope. */
function staysInside(scope: ScopeStatement): boolean {
  const check = (block: HostBlock, targets: ReadonlySet<string>): boolean =>
    block.every((statement) => {
      if (statement.kind === "break" || statement.kind === "continue" || statement.kind === "leave")
        return targets.has(statement.label);
      if (statement.kind === "while" || statement.kind === "scope")
        return check(statement.body, new Set([...targets, statement.label]));
      return blocksOf(statement).every((inner) => check(inner, targets));
    });
  return check(scope.body, new Set([scope.label]));
}

/** What a function sees of a statement: a scope that is a function of its own is a call with its parameters. */
export interface FunctionView {
  insideOf(statement: HostStatement): readonly HostBlock[];
  occurrencesOf(statement: HostStatement): Iterable<Occurrence>;
}

export const viewThrough = (callees: ReadonlyMap<ScopeStatement, HostFunction>): FunctionView => ({
  insideOf: (statement) => (statement.kind === "scope" && callees.has(statement) ? [] : blocksOf(statement)),
  occurrencesOf: (statement) => {
    const callee = statement.kind === "scope" ? callees.get(statement) : undefined;
    if (!callee) return ownOccurrences(statement);
    return callee.parameters.map(({ variable, byReference }) => ({ variable, written: byReference }));
  },
});
