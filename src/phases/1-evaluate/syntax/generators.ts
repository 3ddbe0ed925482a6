// Generators run step by step, as in JavaScript: a statement that holds a `yield` is executed by a JavaScript generator,
// everything else as usual. Between two steps nothing of the generator is on the evaluator's stack.
import type { Evaluation } from "../evaluation.js";
import type { Completion } from "../flow.js";
import { ts } from "../frontend.js";
import { RunTime } from "../run-time.js";
import type { Scope } from "../scope.js";
import { referenceOf } from "./assignments.js";
import { evaluate } from "./expressions.js";
import { bindParameters, type FunctionNode } from "./functions.js";
import { itemsOf } from "./iteration.js";
import { ForRounds } from "./loops.js";
import { binary, decide } from "./operators.js";
import { bind } from "./patterns.js";
import { declareIn, execute, startOfSwitch } from "./statements.js";

type Steps<T> = Generator<unknown, T, unknown>;
const K = ts.SyntaxKind;

export function makeGenerator(
  node: FunctionNode,
  scope: Scope,
  args: readonly unknown[],
  ev: Evaluation,
  title: string,
): Generator {
  ev.call(title, () => bindParameters(node, scope, args, ev));
  return new Running(node, scope, ev, title).run();
}

class Running {
  private outer: ReturnType<Evaluation["enterCall"]> | null = null;
  constructor(
    private readonly node: FunctionNode,
    private readonly scope: Scope,
    private readonly ev: Evaluation,
    private readonly title: string,
  ) {}

  *run(): Generator {
    this.enter();
    try {
      const completion = yield* this.all((this.node.body as ts.Block).statements, this.scope);
      return completion?.kind === "return" ? completion.value : undefined;
    } finally {
      this.leave();
    }
  }

  /** From here on the evaluator is in this generator; what a run-time branch leaves to lies outside of it. */
  private enter(): void {
    this.outer = this.ev.enterCall(this.title);
  }
  private leave(): void {
    this.ev.leaveCall(this.outer!);
  }
  /** Hands out a value; gives what the generator is continued with. */
  private *suspend(value: unknown): Steps<unknown> {
    this.leave();
    try {
      return yield value;
    } finally {
      this.enter();
    }
  }
  private *delegate(items: Iterable<unknown>): Steps<unknown> {
    this.leave();
    try {
      return yield* items as Steps<unknown>;
    } finally {
      this.enter();
    }
  }

  private known(condition: unknown): boolean {
    const decided = decide(condition, this.ev);
    if (decided instanceof RunTime) throw this.ev.unsupported("generator-in-control");
    return decided;
  }

  private *all(statements: readonly ts.Statement[], scope: Scope): Steps<Completion> {
    for (const statement of statements) {
      const completion = yield* this.execute(statement, scope, []);
      if (completion !== null) return completion;
    }
    return null;
  }
  private *block(statements: readonly ts.Statement[], scope: Scope): Steps<Completion> {
    const inner = scope.inner();
    declareIn(statements, inner, this.ev);
    return yield* this.all(statements, inner);
  }

  private *execute(node: ts.Statement, scope: Scope, labels: readonly string[]): Steps<Completion> {
    const { ev } = this;
    if (!holdsYield(node)) return execute(node, scope, ev, labels);
    ev.step();
    ev.at = node;
    if (node.kind === K.ExpressionStatement) {
      yield* this.value((node as ts.ExpressionStatement).expression, scope);
      return null;
    }
    if (ts.isVariableStatement(node)) {
      const isConstant = (node.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const { name, initializer } of node.declarationList.declarations)
        bind(name, initializer ? yield* this.value(initializer, scope) : undefined, isConstant, scope, ev);
      return null;
    }
    if (ts.isReturnStatement(node)) return { kind: "return", value: yield* this.value(node.expression!, scope) };
    if (ts.isBlock(node)) return yield* this.block(node.statements, scope);
    if (ts.isIfStatement(node)) {
      const side = this.known(yield* this.value(node.expression, scope)) ? node.thenStatement : node.elseStatement;
      return side ? yield* this.execute(side, scope, []) : null;
    }
    if (ts.isLabeledStatement(node)) {
      const { text } = node.label;
      const completion = yield* this.execute(node.statement, scope, [...labels, text]);
      return completion?.kind === "break" && completion.label === text ? null : completion;
    }
    if (ts.isForOfStatement(node)) return yield* this.forOf(node, scope, [null, ...labels]);
    if (ts.isForStatement(node)) return yield* this.forLoop(node, scope, [null, ...labels]);
    if (ts.isWhileStatement(node) || ts.isDoStatement(node))
      return yield* this.whileLoop(node, scope, [null, ...labels]);
    if (ts.isTryStatement(node)) return yield* this.tryStatement(node, scope);
    if (ts.isSwitchStatement(node)) return yield* this.switchStatement(node, scope);
    if (ts.isThrowStatement(node)) throw yield* this.value(node.expression, scope);
    throw ev.unknownKind("a yield in this statement", node);
  }

  /** What a round's end means for its loop: go on, or end with a completion. */
  private endOf(completion: Completion, names: readonly (string | null)[]): { readonly with: Completion } | null {
    if (completion === null) return null;
    if (completion.kind === "continue" && names.includes(completion.label)) return null;
    if (completion.kind === "break" && names.includes(completion.label)) return { with: null };
    return { with: completion };
  }

  private *forOf(node: ts.ForOfStatement, scope: Scope, names: readonly (string | null)[]): Steps<Completion> {
    const { ev } = this;
    const items = itemsOf(yield* this.value(node.expression, scope), ev);
    let isOver = false;
    try {
      for (let item = items.next(); !item.isDone; item = items.next()) {
        const inner = scope.inner();
        const { initializer } = node;
        if (!ts.isVariableDeclarationList(initializer))
          throw ev.failAt(node, "not-supported", "a loop over a variable declared before", "write for (const x of …)");
        bind(initializer.declarations[0]!.name, item.value, (initializer.flags & ts.NodeFlags.Const) !== 0, inner, ev);
        const end = this.endOf(yield* this.execute(node.statement, inner, []), names);
        if (end) return end.with;
      }
      isOver = true;
      return null;
    } finally {
      if (!isOver) items.close();
    }
  }

  private *forLoop(node: ts.ForStatement, scope: Scope, names: readonly (string | null)[]): Steps<Completion> {
    const rounds = new ForRounds(node, scope, this.ev);
    for (;;) {
      if (node.condition && !this.known(yield* this.value(node.condition, rounds.scope))) return null;
      const end = this.endOf(yield* this.execute(node.statement, rounds.scope, []), names);
      if (end) return end.with;
      rounds.next();
      if (node.incrementor) yield* this.value(node.incrementor, rounds.scope);
    }
  }

  private *whileLoop(
    node: ts.WhileStatement | ts.DoStatement,
    scope: Scope,
    names: readonly (string | null)[],
  ): Steps<Completion> {
    for (let isFirst = true; ; isFirst = false) {
      const skipsTest = isFirst && ts.isDoStatement(node);
      if (!skipsTest && !this.known(yield* this.value(node.expression, scope))) return null;
      const end = this.endOf(yield* this.execute(node.statement, scope, []), names);
      if (end) return end.with;
    }
  }

  private *tryStatement(node: ts.TryStatement, scope: Scope): Steps<Completion> {
    const { ev } = this;
    let completion: Completion = null;
    let isOverridden = false;
    const { tryBlock, catchClause, finallyBlock } = node;
    try {
      try {
        completion = yield* this.block(tryBlock.statements, scope);
      } catch (fault) {
        if (!catchClause || ev.isOurs(fault)) throw fault;
        const inner = scope.inner();
        if (catchClause.variableDeclaration) bind(catchClause.variableDeclaration.name, fault, false, inner, ev);
        completion = yield* this.block(catchClause.block.statements, inner);
      }
    } finally {
      if (finallyBlock) {
        const last = yield* this.block(finallyBlock.statements, scope);
        isOverridden = last !== null;
        if (isOverridden) completion = last;
      }
      // biome-ignore lint/correctness/noUnsafeFinally: JavaScript's own rule: what finally ends with wins over an error
      if (isOverridden) return completion;
    }
    return completion;
  }

  private *switchStatement(node: ts.SwitchStatement, scope: Scope): Steps<Completion> {
    const value = yield* this.value(node.expression, scope);
    const inner = scope.inner();
    const { clauses } = node.caseBlock;
    const start = startOfSwitch(node, value, inner, this.ev);
    if (start < 0) return null;
    for (const clause of clauses.slice(start)) {
      const completion = yield* this.all(clause.statements, inner);
      if (completion?.kind === "break" && completion.label === null) return null;
      if (completion !== null) return completion;
    }
    return null;
  }

  private *value(node: ts.Expression, scope: Scope): Steps<unknown> {
    const { ev } = this;
    if (!holdsYield(node)) return evaluate(node, scope, ev);
    if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node))
      return yield* this.value(node.expression, scope);
    if (ts.isYieldExpression(node)) {
      const value = node.expression ? yield* this.value(node.expression, scope) : undefined;
      ev.at = node;
      return node.asteriskToken ? yield* this.delegate(value as Iterable<unknown>) : yield* this.suspend(value);
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === K.EqualsToken && !holdsYield(node.left)) {
      if (ts.isArrayLiteralExpression(node.left) || ts.isObjectLiteralExpression(node.left))
        throw ev.unsupported("place-of-yield", node);
      const reference = referenceOf(node.left, scope, ev);
      const value = yield* this.value(node.right, scope);
      reference.write(value);
      return value;
    }
    const operator = ts.isBinaryExpression(node) ? node.operatorToken.kind : K.Unknown;
    const isPlain = operator >= K.LessThanToken && operator <= K.CaretToken;
    if (!ts.isBinaryExpression(node) || !isPlain) throw ev.unsupported("place-of-yield", node);
    const left = yield* this.value(node.left, scope);
    const right = yield* this.value(node.right, scope);
    return binary(ts.tokenToString(operator)!, left, right, ev);
  }
}

const holders = new WeakMap<ts.Node, boolean>();
/** Whether a `yield` of this function stands in a node. */
function holdsYield(node: ts.Node): boolean {
  const known = holders.get(node);
  if (known !== undefined) return known;
  const found =
    ts.isYieldExpression(node) ||
    (!ts.isFunctionLike(node) && ts.forEachChild(node, (child) => holdsYield(child) || undefined) === true);
  holders.set(node, found);
  return found;
}
