// Statements: each gives how it ended. Conditions that are known choose a side; others become host code.

import type { HostExpression } from "../../../ir/host.js";
import type { Evaluation } from "../evaluation.js";
import type { Completion } from "../flow.js";
import { ts } from "../frontend.js";
import { pin, RunTime, truth } from "../run-time.js";
import type { Scope } from "../scope.js";
import { classValue } from "./classes.js";
import { evaluate } from "./expressions.js";
import { functionName, functionValue } from "./functions.js";
import { itemsOf } from "./iteration.js";
import { loopOver, runFor, runForIn, runWhile } from "./loops.js";
import { binary, decide } from "./operators.js";
import { bind } from "./patterns.js";

const K = ts.SyntaxKind;

const isDeclaration = ({ kind }: ts.Statement): boolean =>
  kind === K.VariableStatement ||
  kind === K.ClassDeclaration ||
  kind === K.EnumDeclaration ||
  kind === K.FunctionDeclaration;
const declaring = new WeakMap<readonly ts.Statement[], boolean>();

/** Declares what a block declares before its first statement runs: functions with their values, the rest unusable yet. */
export function declareIn(statements: readonly ts.Statement[], scope: Scope, ev: Evaluation): void {
  let declares = declaring.get(statements);
  if (declares === undefined) declaring.set(statements, (declares = statements.some(isDeclaration)));
  if (!declares) return;
  const declareNames = (name: ts.BindingName, isConstant: boolean): void => {
    if (ts.isIdentifier(name)) {
      if (!scope.own(name.text)) scope.declare(ev.journal.variable(name.text, isConstant));
    } else
      for (const element of name.elements) if (!ts.isOmittedExpression(element)) declareNames(element.name, isConstant);
  };
  for (const statement of statements) {
    const ambient =
      ts.canHaveModifiers(statement) && statement.modifiers?.some(({ kind }) => kind === K.DeclareKeyword);
    if (ambient) continue;
    if (ts.isVariableStatement(statement)) {
      if (!(statement.declarationList.flags & ts.NodeFlags.BlockScoped)) throw ev.unsupported("var", statement);
      const isConstant = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const { name } of statement.declarationList.declarations) declareNames(name, isConstant);
    } else if (ts.isClassDeclaration(statement) && statement.name) declareNames(statement.name, false);
    else if (ts.isEnumDeclaration(statement)) declareNames(statement.name, true);
  }
  for (const statement of statements)
    if (ts.isFunctionDeclaration(statement) && statement.name && statement.body) {
      const variable = scope.own(statement.name.text) ?? ev.journal.variable(statement.name.text, false);
      scope.declare(variable);
      variable.value = functionValue(statement, scope, ev, statement.name.text);
    }
}

/** Runs statements whose names are declared. */
export function run(statements: readonly ts.Statement[], scope: Scope, ev: Evaluation): Completion {
  for (const statement of statements) {
    const completion = execute(statement, scope, ev);
    if (completion !== null) return completion;
  }
  return null;
}

/** A block with names of its own. */
export function runBlock(statements: readonly ts.Statement[], scope: Scope, ev: Evaluation): Completion {
  const inner = scope.inner();
  declareIn(statements, inner, ev);
  return run(statements, inner, ev);
}

export function execute(node: ts.Statement, scope: Scope, ev: Evaluation, labels: readonly string[] = []): Completion {
  ev.step();
  ev.at = node;
  switch (node.kind) {
    case K.ExpressionStatement:
      evaluate((node as ts.ExpressionStatement).expression, scope, ev);
      return null;
    case K.VariableStatement:
      declareVariables((node as ts.VariableStatement).declarationList, scope, ev);
      return null;
    case K.ReturnStatement: {
      const { expression } = node as ts.ReturnStatement;
      return { kind: "return", value: expression ? evaluate(expression, scope, ev) : undefined };
    }
    case K.IfStatement:
      return runIf(node as ts.IfStatement, scope, ev);
    case K.Block:
      return runBlock((node as ts.Block).statements, scope, ev);
    case K.ForStatement:
      return runFor(node as ts.ForStatement, scope, ev, labels);
    case K.ForOfStatement: {
      const loop = node as ts.ForOfStatement;
      if (loop.awaitModifier) throw ev.unsupported("for-await");
      return loopOver(loop, itemsOf(evaluate(loop.expression, scope, ev), ev), scope, ev, labels);
    }
    case K.ForInStatement:
      return runForIn(node as ts.ForInStatement, scope, ev, labels);
    case K.WhileStatement:
    case K.DoStatement:
      return runWhile(node as ts.WhileStatement | ts.DoStatement, scope, ev, labels);
    case K.BreakStatement:
      return { kind: "break", label: (node as ts.BreakStatement).label?.text ?? null };
    case K.ContinueStatement:
      return { kind: "continue", label: (node as ts.ContinueStatement).label?.text ?? null };
    case K.LabeledStatement: {
      const { label, statement } = node as ts.LabeledStatement;
      const completion = ev.flow.joined("break", [label.text], "", () =>
        execute(statement, scope, ev, [...labels, label.text]),
      );
      return completion?.kind === "break" && completion.label === label.text ? null : completion;
    }
    case K.SwitchStatement:
      return runSwitch(node as ts.SwitchStatement, scope, ev);
    case K.ThrowStatement:
      throw evaluate((node as ts.ThrowStatement).expression, scope, ev);
    case K.TryStatement:
      return runTry(node as ts.TryStatement, scope, ev);
    case K.ClassDeclaration: {
      const { name } = node as ts.ClassDeclaration;
      if (ts.canHaveModifiers(node) && node.modifiers?.some(({ kind }) => kind === K.DeclareKeyword)) return null;
      const value = classValue(node as ts.ClassDeclaration, scope, ev, name?.text ?? "default");
      if (name) scope.own(name.text)!.value = value;
      return null;
    }
    case K.EnumDeclaration:
      declareEnum(node as ts.EnumDeclaration, scope, ev);
      return null;
    case K.FunctionDeclaration:
    case K.EmptyStatement:
    case K.InterfaceDeclaration:
    case K.TypeAliasDeclaration:
    case K.ImportDeclaration:
    case K.ExportDeclaration:
      return null;
    default:
      throw ev.unknownKind("this statement", node);
  }
}

export function declareVariables(list: ts.VariableDeclarationList, scope: Scope, ev: Evaluation): void {
  const isConstant = (list.flags & ts.NodeFlags.Const) !== 0;
  if (!(list.flags & ts.NodeFlags.BlockScoped)) throw ev.unsupported("var", list);
  for (const { name, initializer } of list.declarations) {
    const value = initializer
      ? ((ts.isIdentifier(name) ? functionName(initializer, name.text, scope, ev) : null) ??
        evaluate(initializer, scope, ev))
      : undefined;
    bind(name, value, isConstant, scope, ev);
  }
}

function runIf(node: ts.IfStatement, scope: Scope, ev: Evaluation): Completion {
  const value = evaluate(node.expression, scope, ev);
  ev.at = node.expression;
  const condition = decide(value, ev);
  const { thenStatement, elseStatement } = node;
  if (!(condition instanceof RunTime)) {
    if (condition) return execute(thenStatement, scope, ev);
    return elseStatement ? execute(elseStatement, scope, ev) : null;
  }
  const side = (statement: ts.Statement | undefined) => (): Completion => {
    if (!statement) return null;
    try {
      return execute(statement, scope, ev);
    } catch (fault) {
      return throwAtRunTime(fault, ev);
    }
  };
  const completion = ev.flow.branch(truth(condition), [side(thenStatement), side(elseStatement)]);
  ev.at = node;
  return completion;
}

/** An error under a run-time condition is thrown by the program, not by the compiler. */
function throwAtRunTime(fault: unknown, ev: Evaluation): Completion {
  if (ev.isOurs(fault)) throw fault;
  if (ev.flow.isCaught) throw ev.unsupported("throw-in-try");
  ev.builder.emit({ kind: "throw", message: thrownText(fault), origin: ev.origin() });
  return { kind: "gone" };
}

const thrownText = (fault: unknown): HostExpression => {
  const message: unknown = fault instanceof Error ? fault.message : fault;
  return message instanceof RunTime ? message.expression : { kind: "literal", value: String(message) };
};

/** Declares what the clauses declare; gives the clause that a value leads to, -1 for none. */
export function startOfSwitch(node: ts.SwitchStatement, given: unknown, inner: Scope, ev: Evaluation): number {
  const { clauses } = node.caseBlock;
  if (given instanceof RunTime && given.known === undefined) throw ev.unsupported("switch-on-run-time-value", node);
  const value = given instanceof RunTime ? pin(given) : given;
  declareIn(
    clauses.flatMap(({ statements }) => [...statements]),
    inner,
    ev,
  );
  const matches = (clause: ts.CaseOrDefaultClause): boolean =>
    ts.isCaseClause(clause) && decide(binary("===", evaluate(clause.expression, inner, ev), value, ev), ev) === true;
  const found = clauses.findIndex(matches);
  return found < 0 ? clauses.findIndex(ts.isDefaultClause) : found;
}

function runSwitch(node: ts.SwitchStatement, scope: Scope, ev: Evaluation): Completion {
  const inner = scope.inner();
  const { clauses } = node.caseBlock;
  const start = startOfSwitch(node, evaluate(node.expression, scope, ev), inner, ev);
  if (start < 0) return null;
  const completion = ev.flow.joined("break", [null], "", () => {
    for (const clause of clauses.slice(start)) {
      const ended = run(clause.statements, inner, ev);
      if (ended !== null) return ended;
    }
    return null;
  });
  return completion?.kind === "break" && completion.label === null ? null : completion;
}

type Ended = { readonly completion: Completion } | { readonly fault: unknown };

function runTry(node: ts.TryStatement, scope: Scope, ev: Evaluation): Completion {
  const [stackDepth, inside, exits] = [ev.stack.length, ev.inside, ev.flow.numExits];
  const attempt = (body: () => Completion): Ended => {
    try {
      return { completion: ev.flow.caught(body) };
    } catch (fault) {
      if (ev.isOurs(fault)) throw fault;
      ev.stack.length = stackDepth;
      ev.inside = inside;
      return { fault };
    }
  };
  const { tryBlock, catchClause, finallyBlock } = node;
  let ended = attempt(() => runBlock(tryBlock.statements, scope, ev));
  if ("fault" in ended && catchClause) {
    const { fault } = ended;
    const recover = (): Completion => {
      const inner = scope.inner();
      if (catchClause.variableDeclaration) bind(catchClause.variableDeclaration.name, fault, false, inner, ev);
      return runBlock(catchClause.block.statements, inner, ev);
    };
    ended = finallyBlock ? attempt(recover) : { completion: recover() };
  }
  if (finallyBlock) {
    if (ev.flow.numExits !== exits || ("completion" in ended && ended.completion?.kind === "gone"))
      throw ev.unsupported("finally-behind-exit", node);
    const last = runBlock(finallyBlock.statements, scope, ev);
    if (last !== null) return last;
  }
  if ("fault" in ended) throw ended.fault;
  return ended.completion;
}

function declareEnum(node: ts.EnumDeclaration, scope: Scope, ev: Evaluation): void {
  const object: Record<string, unknown> = ev.journal.born({});
  const inner = scope.inner();
  let next: unknown = 0;
  for (const member of node.members) {
    const key = (member.name as ts.Identifier).text;
    const value = member.initializer ? evaluate(member.initializer, inner, ev) : next;
    object[key] = value;
    if (typeof value === "number") {
      object[String(value)] = key;
      next = value + 1;
    }
    const variable = ev.journal.variable(key, true);
    variable.value = value;
    inner.declare(variable);
  }
  scope.own(node.name.text)!.value = object;
}
