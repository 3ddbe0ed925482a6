// Loops. With a condition that is known they are unrolled; with a run-time condition they become loops of the program.
import type { Evaluation } from "../evaluation.js";
import type { Completion } from "../flow.js";
import { ts } from "../frontend.js";
import { RunTime, truth } from "../run-time.js";
import { Scope } from "../scope.js";
import { evaluate } from "./expressions.js";
import { type Items, itemsOf } from "./iteration.js";
import { leavesRound } from "./leaving.js";
import { decide } from "./operators.js";
import { bind } from "./patterns.js";
import { declareVariables, execute } from "./statements.js";

const endsLoop = (completion: Completion, names: readonly (string | null)[]): boolean =>
  completion?.kind === "break" && names.includes(completion.label);
const endsRound = (completion: Completion, names: readonly (string | null)[]): boolean =>
  completion === null || (completion.kind === "continue" && names.includes(completion.label));

/** Unrolls: `next` prepares a round or says that there is none. */
function unroll(
  statement: ts.Statement,
  names: readonly (string | null)[],
  next: () => boolean | RunTime,
  body: () => Completion,
  ev: Evaluation,
): Completion {
  const watch = ev.intrinsics.unrolls();
  if (!leavesRound(statement)) {
    let ended: Completion = null;
    while (ended === null && next()) {
      ev.step();
      watch.round();
      ended = body();
    }
    watch.end();
    return ended;
  }
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
  items: Items,
  scope: Scope,
  ev: Evaluation,
  labels: readonly string[],
): Completion {
  let item: unknown;
  let isOver = false;
  const body = (): Completion => {
    const inner = scope.inner();
    const { initializer } = node;
    if (!ts.isVariableDeclarationList(initializer))
      throw ev.failAt(node, "not-supported", "a loop over a variable declared before", "write for (const x of …)");
    bind(initializer.declarations[0]!.name, item, (initializer.flags & ts.NodeFlags.Const) !== 0, inner, ev);
    return execute(node.statement, inner, ev);
  };
  const next = (): boolean => {
    const step = items.next();
    if (step.isDone) isOver = true;
    else item = step.value;
    return !step.isDone;
  };
  try {
    return unroll(node.statement, [null, ...labels], next, body, ev);
  } finally {
    if (!isOver) items.close();
  }
}

export function runForIn(node: ts.ForInStatement, scope: Scope, ev: Evaluation, labels: readonly string[]): Completion {
  const object = evaluate(node.expression, scope, ev);
  const keys: string[] = [];
  for (const key in Object(object) as object) keys.push(key);
  return loopOver(node, itemsOf(keys, ev), scope, ev, labels);
}

/** A condition as a run-time value, for the rounds of a loop that has begun as one. */
const asRunTime = (value: unknown, ev: Evaluation): RunTime => {
  const condition = decide(value, ev);
  return condition instanceof RunTime
    ? truth(condition)
    : new RunTime({ kind: "literal", value: condition }, "boolean");
};

const neverGivesUp = (): never => {
  throw new Error("this loop has an end");
};

/** `while (true)`: unrolled where it ends by what is known, else a loop of the program. */
function runEndless(
  statement: ts.Statement,
  names: readonly (string | null)[],
  body: () => Completion,
  update: (isUnrolled: boolean) => void,
  ev: Evaluation,
): Completion {
  const forever = (): unknown => true;
  const unrolled = ev.flow.attempt((hasLeft, giveUp) =>
    runLoop(statement, names, forever, body, update, false, ev, hasLeft, giveUp),
  );
  if (unrolled) return unrolled.completion;
  return ev.flow.loop(
    names,
    () => asRunTime(true, ev),
    body,
    () => update(false),
  );
}

export function runWhile(
  node: ts.WhileStatement | ts.DoStatement,
  scope: Scope,
  ev: Evaluation,
  labels: readonly string[],
): Completion {
  const names = [null, ...labels];
  const test = (): unknown => {
    const value = evaluate(node.expression, scope, ev);
    ev.at = node.expression;
    return value;
  };
  const body = (): Completion => execute(node.statement, scope, ev);
  if (node.expression.kind === ts.SyntaxKind.TrueKeyword) return runEndless(node.statement, names, body, () => {}, ev);
  return runLoop(node.statement, names, test, body, () => {}, ts.isDoStatement(node), ev);
}

/** Decides at each round: known conditions unroll, the first one that is not makes the rest a loop of the program. */
function runLoop(
  statement: ts.Statement,
  names: readonly (string | null)[],
  test: () => unknown,
  body: () => Completion,
  /** Told whether the loop is unrolled. */
  update: (isUnrolled: boolean) => void,
  isTestedLast: boolean,
  ev: Evaluation,
  hasLeft: (() => boolean) | null = null,
  giveUp: () => never = neverGivesUp,
): Completion {
  let isFirst = true;
  let pending: RunTime | null = null;
  const next = (): boolean => {
    // An endless loop that ends by what only the running program knows is a loop of the program.
    if (!isFirst && hasLeft?.()) giveUp();
    if (!isFirst) update(true);
    const skip = isFirst && isTestedLast;
    isFirst = false;
    if (skip) return true;
    const before = ev.builder.current.length;
    ev.journal.open();
    let condition: boolean | RunTime;
    try {
      condition = decide(test(), ev);
    } catch (fault) {
      ev.journal.keep();
      throw fault;
    }
    if (condition instanceof RunTime) {
      // The loop of the program begins with this test: it is evaluated again there.
      ev.journal.undo();
      ev.builder.current.splice(before);
      pending = condition;
      return false;
    }
    ev.journal.keep();
    return condition;
  };
  const completion = unroll(statement, names, next, body, ev);
  if (completion !== null || pending === null) return completion;
  return ev.flow.loop(
    names,
    () => asRunTime(test(), ev),
    body,
    () => update(false),
  );
}

/** The scopes of a `for` loop: each round has variables of its own, which closures may keep; the next starts from copies. */
export class ForRounds {
  scope: Scope;
  private readonly names: readonly string[];
  constructor(
    private readonly node: ts.ForStatement,
    private readonly outer: Scope,
    private readonly ev: Evaluation,
  ) {
    const { initializer } = node;
    this.scope = outer.inner();
    const isList = initializer !== undefined && ts.isVariableDeclarationList(initializer);
    if (isList) declareVariables(initializer, this.scope, ev);
    else if (initializer) evaluate(initializer, outer, ev);
    this.names = isList ? initializer.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? name.text : [])) : [];
  }
  next(): void {
    if (!makesClosures(this.node)) return;
    const fresh = new Scope(this.outer, this.outer.context);
    for (const name of this.names) {
      const before = this.scope.own(name)!;
      const variable = this.ev.journal.variable(name, before.isConstant);
      variable.value = before.value;
      variable.cell = before.cell;
      fresh.declare(variable);
    }
    this.scope = fresh;
  }
}

export function runFor(node: ts.ForStatement, scope: Scope, ev: Evaluation, labels: readonly string[]): Completion {
  const { condition, incrementor, statement } = node;
  const rounds = new ForRounds(node, scope, ev);
  const test = (): unknown => {
    const value = condition ? evaluate(condition, rounds.scope, ev) : true;
    ev.at = condition ?? node;
    return value;
  };
  const body = (): Completion => execute(statement, rounds.scope, ev);
  const update = (isUnrolled: boolean): void => {
    if (isUnrolled) rounds.next();
    if (incrementor) evaluate(incrementor, rounds.scope, ev);
  };
  if (!condition || condition.kind === ts.SyntaxKind.TrueKeyword)
    return runEndless(statement, [null, ...labels], body, update, ev);
  return runLoop(statement, [null, ...labels], test, body, update, false, ev);
}

const closures = new WeakMap<ts.Node, boolean>();
function makesClosures(node: ts.Node): boolean {
  const known = closures.get(node);
  if (known !== undefined) return known;
  const found = ts.isFunctionLike(node) || ts.forEachChild(node, (child) => makesClosures(child) || undefined) === true;
  closures.set(node, found);
  return found;
}
