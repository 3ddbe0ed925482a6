// Loops. With a condition that is known they are unrolled; with a run-time condition they become loops of the program.
import type { Evaluation } from "../evaluation.js";
import type { Completion } from "../flow.js";
import { ts } from "../frontend.js";
import { pin, RunTime, truth } from "../run-time.js";
import { Scope } from "../scope.js";
import { evaluate } from "./expressions.js";
import { decide } from "./operators.js";
import { bind } from "./patterns.js";
import { declareVariables, execute } from "./statements.js";

const endsLoop = (completion: Completion, names: readonly (string | null)[]): boolean =>
  completion?.kind === "break" && names.includes(completion.label);
const endsRound = (completion: Completion, names: readonly (string | null)[]): boolean =>
  completion === null || (completion.kind === "continue" && names.includes(completion.label));

/** Unrolls: `next` prepares a round or says that there is none. */
function unroll(
  names: readonly (string | null)[],
  next: () => boolean | RunTime,
  body: () => Completion,
  ev: Evaluation,
): Completion {
  const watch = ev.intrinsics.unrolls();
  const completion = ev.flow.joined("break", names, "", () => {
    for (;;) {
      ev.step();
      if (!next()) return null;
      watch.round();
      const ended = ev.flow.joined("continue", names, "", body);
      if (!endsRound(ended, names)) return ended;
    }
  });
  watch.end();
  return endsLoop(completion, names) ? null : completion;
}

export function loopOver(
  node: ts.ForOfStatement | ts.ForInStatement,
  items: readonly unknown[],
  scope: Scope,
  ev: Evaluation,
  labels: readonly string[],
): Completion {
  let i = 0;
  let item: unknown;
  const body = (): Completion => {
    const inner = scope.inner();
    const { initializer } = node;
    if (!ts.isVariableDeclarationList(initializer))
      throw ev.unsupported("a loop over a variable declared before", "write for (const x of …)", node);
    bind(initializer.declarations[0]!.name, item, (initializer.flags & ts.NodeFlags.Const) !== 0, inner, ev);
    return execute(node.statement, inner, ev);
  };
  const next = (): boolean => {
    if (i >= items.length) return false;
    item = items[i++];
    return true;
  };
  return unroll([null, ...labels], next, body, ev);
}

export function runForIn(node: ts.ForInStatement, scope: Scope, ev: Evaluation, labels: readonly string[]): Completion {
  const object = evaluate(node.expression, scope, ev);
  const keys: string[] = [];
  for (const key in Object(object) as object) keys.push(key);
  return loopOver(node, keys, scope, ev, labels);
}

/** A condition as a run-time value, for the rounds of a loop that has begun as one. */
const asRunTime = (value: unknown, ev: Evaluation): RunTime => {
  const condition = decide(value, ev);
  return condition instanceof RunTime
    ? truth(condition)
    : new RunTime({ kind: "literal", value: condition }, "boolean");
};

export function runWhile(
  node: ts.WhileStatement | ts.DoStatement,
  scope: Scope,
  ev: Evaluation,
  labels: readonly string[],
): Completion {
  const names = [null, ...labels];
  const test = (): unknown => {
    ev.at = node;
    return evaluate(node.expression, scope, ev);
  };
  const body = (): Completion => execute(node.statement, scope, ev);
  return runLoop(names, test, body, () => {}, ts.isDoStatement(node), ev);
}

/** Decides at each round: known conditions unroll, the first one that is not makes the rest a loop of the program. */
function runLoop(
  names: readonly (string | null)[],
  test: () => unknown,
  body: () => Completion,
  update: () => void,
  isTestedLast: boolean,
  ev: Evaluation,
): Completion {
  let isFirst = true;
  let pending: RunTime | null = null;
  const next = (): boolean => {
    if (!isFirst) update();
    const skip = isFirst && isTestedLast;
    isFirst = false;
    if (skip) return true;
    const before = ev.builder.current.length;
    const condition = decide(test(), ev);
    if (condition instanceof RunTime) {
      ev.builder.current.splice(before);
      pending = condition;
      return false;
    }
    return condition;
  };
  const completion = unroll(names, next, body, ev);
  if (completion !== null || pending === null) return completion;
  return ev.flow.loop(names, () => asRunTime(test(), ev), body, update);
}

export function runFor(node: ts.ForStatement, scope: Scope, ev: Evaluation, labels: readonly string[]): Completion {
  const { initializer, condition, incrementor, statement } = node;
  const head = scope.inner();
  if (initializer && ts.isVariableDeclarationList(initializer)) declareVariables(initializer, head, ev);
  else if (initializer) evaluate(initializer, scope, ev);
  const names =
    initializer && ts.isVariableDeclarationList(initializer) ? initializer.declarations.map(({ name }) => name) : [];
  // Each round has variables of its own, which closures may keep; the next round starts from copies.
  let current = head;
  const copy = (): void => {
    const fresh = new Scope(scope, scope.context);
    for (const name of names)
      if (ts.isIdentifier(name)) {
        const variable = ev.journal.variable(name.text, head.own(name.text)!.isConstant);
        const before = current.own(name.text)!;
        variable.value = before.value;
        variable.cell = before.cell;
        fresh.declare(variable);
      }
    current = fresh;
  };
  const test = (): unknown => {
    ev.at = node;
    return condition ? evaluate(condition, current, ev) : true;
  };
  const body = (): Completion => execute(statement, current, ev);
  let isRunTime = false;
  const update = (): void => {
    if (!isRunTime && makesClosures(statement)) copy();
    if (incrementor) evaluate(incrementor, current, ev);
  };
  const first = condition ? test() : true;
  isRunTime = first instanceof RunTime && first.known === undefined;
  if (first instanceof RunTime && !isRunTime) pin(first);
  return runLoop([null, ...labels], test, body, update, false, ev);
}

const closures = new WeakMap<ts.Node, boolean>();
function makesClosures(node: ts.Node): boolean {
  const known = closures.get(node);
  if (known !== undefined) return known;
  const found = ts.isFunctionLike(node) || ts.forEachChild(node, (child) => makesClosures(child) || undefined) === true;
  closures.set(node, found);
  return found;
}
