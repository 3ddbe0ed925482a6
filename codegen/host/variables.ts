// Where host variables are declared: in the innermost block that holds every use of them, at the statement that gives
// them their first value if that stands in this block itself, else just before the first statement that uses them.
import type { HostBlock, HostStatement, HostVariable } from "../../src/ir/host.js";
import { blocksOf, expressionsOf, variablesOf, writtenBy } from "../../src/ir/host-parts.js";

/** A variable met at one place: read, or given a value. */
export interface Occurrence {
  readonly variable: HostVariable;
  readonly written: boolean;
}

/** A statement's own occurrences, in the order in which they happen. */
export function* ownOccurrences(statement: HostStatement): Generator<Occurrence> {
  for (const expression of expressionsOf(statement))
    for (const variable of variablesOf(expression)) yield { variable, written: false };
  if (statement.kind === "run") {
    if (statement.batch) yield { variable: statement.batch, written: false };
    for (const { variable } of statement.tensors) yield { variable, written: false };
  }
  for (const variable of writtenBy(statement)) yield { variable, written: true };
}

export function* occurrences(block: HostBlock): Generator<Occurrence> {
  for (const statement of block) {
    yield* ownOccurrences(statement);
    for (const inner of blocksOf(statement)) yield* occurrences(inner);
  }
}

/** How often each variable occurs. */
export function countOccurrences(block: HostBlock): ReadonlyMap<HostVariable, number> {
  const counts = new Map<HostVariable, number>();
  for (const { variable } of occurrences(block)) {
    const before = counts.get(variable);
    counts.set(variable, before === undefined ? 1 : before + 1);
  }
  return counts;
}

/** `at` a statement: it gives the variable its first value. `before` it: the variable must stand there already. */
export interface Declarations {
  readonly at: ReadonlyMap<HostStatement, readonly HostVariable[]>;
  readonly before: ReadonlyMap<HostStatement, readonly HostVariable[]>;
}

/**
 * Places the declarations of all variables of a function but its parameters (and what is kept). `insideOf` gives the
 * blocks of a statement that belong to this function, `occurrencesOf` its own occurrences, calls included.
 */
export function placeDeclarations(
  body: HostBlock,
  isDeclaredElsewhere: (variable: HostVariable) => boolean,
  insideOf: (statement: HostStatement) => readonly HostBlock[],
  occurrencesOf: (statement: HostStatement) => Iterable<Occurrence>,
): Declarations {
  const at = new Map<HostStatement, HostVariable[]>();
  const before = new Map<HostStatement, HostVariable[]>();
  const add = (map: Map<HostStatement, HostVariable[]>, statement: HostStatement, variable: HostVariable): void => {
    const known = map.get(statement);
    if (known) known.push(variable);
    else map.set(statement, [variable]);
  };
  const within = (block: HostBlock): Set<HostVariable> => {
    const all = new Set<HostVariable>();
    for (const statement of block) {
      for (const { variable } of occurrencesOf(statement)) all.add(variable);
      for (const inner of insideOf(statement)) for (const variable of within(inner)) all.add(variable);
    }
    return all;
  };
  const place = (block: HostBlock, variables: ReadonlySet<HostVariable>): void => {
    const uses = block.map((statement) => ({
      statement,
      own: [...occurrencesOf(statement)],
      inside: insideOf(statement).map((inner) => ({ inner, variables: within(inner) })),
    }));
    const deeper = new Map<HostBlock, Set<HostVariable>>();
    for (const variable of variables) {
      const users = uses.filter(
        ({ own, inside }) =>
          own.some((use) => use.variable === variable) || inside.some((i) => i.variables.has(variable)),
      );
      const [first] = users;
      if (!first) continue;
      const own = first.own.filter((use) => use.variable === variable);
      const inside = first.inside.filter((i) => i.variables.has(variable));
      const [only] = inside;
      if (users.length === 1 && own.length === 0 && inside.length === 1 && only) {
        const known = deeper.get(only.inner);
        if (known) known.add(variable);
        else deeper.set(only.inner, new Set([variable]));
      } else if (own.length === 1 && own[0]!.written && inside.length === 0 && first.statement.kind !== "scope") {
        add(at, first.statement, variable);
      } else {
        add(before, first.statement, variable);
      }
    }
    for (const [inner, those] of deeper) place(inner, those);
  };
  place(body, new Set([...within(body)].filter((variable) => !isDeclaredElsewhere(variable))));
  return { at, before };
}
