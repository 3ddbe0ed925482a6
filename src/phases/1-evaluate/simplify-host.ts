// Host code as evaluation leaves it has copies of variables that nothing needs and loops whose condition is their first
// statement. Purpose: make it read as a person would write it. Needs: finished host code. Example: `let before = step;
// log(before); step = before + 1` becomes `log(step); step = step + 1`.
import type { HostBlock, HostExpression, HostStatement, HostVariable } from "../../ir/host.js";
import { expressionsOf, statementsOf, variablesOf, withOperands, withParts, writtenBy } from "../../ir/host-parts.js";
import { type FixedValues, foldExpression } from "./fold.js";

export function simplifyHost(main: HostBlock, fixed: FixedValues): HostBlock {
  let block = removeUnread(foldAll(main, fixed));
  const copies = [...statementsOf(block)].flatMap((statement) =>
    statement.kind === "let" && statement.value.kind === "read"
      ? [{ copy: statement.variable, of: statement.value.variable }]
      : [],
  );
  const written = new Map<HostVariable, number>();
  for (const statement of statementsOf(block))
    for (const variable of writtenBy(statement)) written.set(variable, (written.get(variable) ?? 0) + 1);
  const replaced = new Map<HostVariable, HostVariable>();
  for (const { copy, of } of copies) if (written.get(copy) === 1 && isCurrent(block, copy, of)) replaced.set(copy, of);
  const rootOf = (variable: HostVariable): HostVariable => {
    const next = replaced.get(variable);
    return next ? rootOf(next) : variable;
  };
  if (replaced.size > 0) block = renameVariables(withoutLets(block, replaced), rootOf);
  return tidy(block);
}

/** The same code over other variables. Kept ones are there from the start: they are assigned. */
export function renameVariables(block: HostBlock, rename: (variable: HostVariable) => HostVariable): HostBlock {
  const expression = (old: HostExpression): HostExpression => {
    if (old.kind === "read") return { ...old, variable: rename(old.variable) };
    if (old.kind === "item") return { ...old, tensor: rename(old.tensor) };
    return withOperands(old, expression);
  };
  const all = (statements: HostBlock): HostBlock =>
    statements.map((statement) => {
      const renamed = withParts(statement, { expression, variable: rename, block: all });
      return renamed.kind === "let" && renamed.variable.kept ? { ...renamed, kind: "assign" } : renamed;
    });
  return all(block);
}

const foldAll = (block: HostBlock, fixed: FixedValues): HostBlock =>
  block.map((statement) =>
    withParts(statement, {
      expression: (expression) => foldExpression(expression, fixed),
      variable: (same) => same,
      block: (inner) => foldAll(inner, fixed),
    }),
  );

const mapBlocks = (block: HostBlock, change: (statement: HostStatement) => readonly HostStatement[]): HostBlock =>
  block.flatMap((statement) =>
    change(
      withParts(statement, {
        expression: (same) => same,
        variable: (same) => same,
        block: (inner) => mapBlocks(inner, change),
      }),
    ),
  );

const withoutLets = (block: HostBlock, gone: ReadonlyMap<HostVariable, unknown>): HostBlock =>
  mapBlocks(block, (statement) => (statement.kind === "let" && gone.has(statement.variable) ? [] : [statement]));

/** Drops what gives local variables values that nothing reads. Reading a number waits, but changes nothing. */
function removeUnread(block: HostBlock): HostBlock {
  for (let current = block; ; ) {
    const read = new Set<HostVariable>();
    for (const statement of statementsOf(current)) {
      for (const expression of expressionsOf(statement))
        for (const variable of variablesOf(expression)) read.add(variable);
      if (statement.kind === "run") {
        if (statement.batch) read.add(statement.batch);
        for (const { variable } of statement.tensors) read.add(variable);
      }
    }
    let isChanged = false;
    const next = mapBlocks(current, (statement) => {
      const isNeeded =
        (statement.kind !== "let" && statement.kind !== "assign") ||
        statement.variable.kept ||
        read.has(statement.variable);
      isChanged ||= !isNeeded;
      return isNeeded ? [statement] : [];
    });
    if (!isChanged) return current;
    current = next;
  }
}

/** `while (true) { if (!c) break; … }` is `while (c) { … }`; branches and scopes without content go. */
const tidy = (block: HostBlock): HostBlock =>
  mapBlocks(block, (statement) => {
    if (statement.kind === "if") {
      if (statement.then.length + statement.otherwise.length === 0) return [];
      if (statement.then.length > 0) return [statement];
      return [{ ...statement, condition: not(statement.condition), then: statement.otherwise, otherwise: [] }];
    }
    if (statement.kind === "scope") {
      if (statement.body.length === 0) return [];
      const isLeft = [...statementsOf(statement.body)].some(
        (inner) => inner.kind === "leave" && inner.label === statement.label,
      );
      return isLeft || statement.name !== "" ? [statement] : statement.body;
    }
    if (statement.kind !== "while" || statement.condition.kind !== "literal") return [statement];
    const [guard, ...rest] = statement.body;
    if (guard?.kind !== "if" || guard.otherwise.length > 0 || guard.then.length !== 1) return [statement];
    const [stop] = guard.then;
    if (stop?.kind !== "break" || stop.label !== statement.label) return [statement];
    return [{ ...statement, condition: not(guard.condition), body: rest }];
  });
const not = (condition: HostExpression): HostExpression =>
  condition.kind === "unary" && condition.operator === "!"
    ? condition.operand
    : { kind: "unary", operator: "!", operand: condition };

/** What is known of a copy where the program is: it has not been made, equals its variable, or may not. */
type Age = 0 | 1 | 2;

/** Whether, wherever `copy` is read, the variable that it was copied from still has that value. */
function isCurrent(main: HostBlock, copy: HostVariable, of: HostVariable): boolean {
  let isGood = true;
  const leaving = new Map<string, Age>();
  const older = (a: Age, b: Age): Age => (a > b ? a : b);
  const leave = (label: string, age: Age): void => void leaving.set(label, older(leaving.get(label) ?? 0, age));
  const takeLeaving = (label: string): Age => {
    const age = leaving.get(label) ?? 0;
    leaving.delete(label);
    return age;
  };
  const use = (age: Age, statement: HostStatement): void => {
    if (age < 2) return;
    if (expressionsOf(statement).some((expression) => [...variablesOf(expression)].includes(copy))) isGood = false;
  };
  const walk = (block: HostBlock, start: Age): Age => {
    let age = start;
    for (const statement of block) {
      if (!isGood) return age;
      if (statement.kind !== "while") use(age, statement);
      if (statement.kind === "let" && statement.variable === copy) age = 1;
      else if (writtenBy(statement).includes(of)) age = age === 0 ? 0 : 2;
      if (statement.kind === "if") age = older(walk(statement.then, age), walk(statement.otherwise, age));
      else if (statement.kind === "scope") age = older(walk(statement.body, age), takeLeaving(statement.label));
      else if (statement.kind === "while") {
        for (let before: Age | null = null; before !== age; ) {
          before = age;
          use(age, statement);
          const end = walk(statement.body, age);
          age = older(age, older(end, takeLeaving(`continue ${statement.label}`)));
        }
        age = older(age, takeLeaving(`break ${statement.label}`));
      } else if (statement.kind === "leave") leave(statement.label, age);
      else if (statement.kind === "break" || statement.kind === "continue")
        leave(`${statement.kind} ${statement.label}`, age);
    }
    return age;
  };
  walk(main, 0);
  return isGood;
}
