// Functions and methods. An evaluated function is a JavaScript function, so that builtins can call it; its body is
// evaluated when it is called.
import type { Evaluation } from "../evaluation.js";
import type { Completion } from "../flow.js";
import { ts } from "../frontend.js";
import { type FunctionContext, Scope } from "../scope.js";
import { classValue } from "./classes.js";
import { evaluate } from "./expressions.js";
import { makeGenerator } from "./generators.js";
import { returnsEarly } from "./leaving.js";
import { bind, orDefault } from "./patterns.js";
import { declareIn, run } from "./statements.js";

export type FunctionNode =
  | ts.FunctionExpression
  | ts.ArrowFunction
  | ts.FunctionDeclaration
  | ts.MethodDeclaration
  | ts.ConstructorDeclaration
  | ts.GetAccessorDeclaration
  | ts.SetAccessorDeclaration;

/** A function or class that takes its name from where it is put; null for other expressions. */
export function functionName(node: ts.Expression, name: string, scope: Scope, ev: Evaluation): unknown {
  if (ts.isArrowFunction(node) || (ts.isFunctionExpression(node) && !node.name))
    return functionValue(node, scope, ev, name);
  if (ts.isClassExpression(node) && !node.name) return classValue(node, scope, ev, name);
  return null;
}

/** `home` is the object that a method is defined on. */
export function functionValue(
  node: FunctionNode,
  scope: Scope,
  ev: Evaluation,
  name: string,
  home: object | null = null,
): unknown {
  if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword))
    throw ev.unsupported("async-function", node);
  const ownName =
    (ts.isFunctionExpression(node) || ts.isFunctionDeclaration(node)) && node.name ? node.name.text : name;
  const isGenerator = "asteriskToken" in node && node.asteriskToken !== undefined;
  let outer = scope;
  const title = home && ownName ? `${titleOf(home)}${ownName}` : ownName;
  const body = (thisValue: unknown, args: readonly unknown[], newTarget: unknown): unknown => {
    const context: FunctionContext = {
      thisValue,
      isThisReady: true,
      home,
      newTarget,
      construct: null,
    };
    const inner = new Scope(outer, ts.isArrowFunction(node) ? outer.context : context);
    return isGenerator ? makeGenerator(node, inner, args, ev, title) : runBody(node, inner, args, ev, title);
  };
  let value: (...args: unknown[]) => unknown;
  if (ts.isArrowFunction(node)) value = (...args) => body(undefined, args, undefined);
  else if (ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node))
    value = function (this: unknown, ...args: unknown[]) {
      return body(this, args, new.target);
    };
  else
    value = {
      method(this: unknown, ...args: unknown[]) {
        return body(this, args, undefined);
      },
    }.method;
  Object.defineProperty(value, "name", { value: ownName, configurable: true });
  const parameters = parametersOf(node, ev);
  const optional = parameters.findIndex(({ initializer, dotDotDotToken }) => initializer || dotDotDotToken);
  Object.defineProperty(value, "length", { value: optional < 0 ? parameters.length : optional, configurable: true });
  ev.evaluated.add(value);
  if (ts.isFunctionExpression(node) && node.name) {
    outer = scope.inner();
    const own = ev.journal.variable(node.name.text, true);
    own.value = value;
    outer.declare(own);
  }
  return value;
}

const titleOf = (home: object): string => {
  const owner = typeof home === "function" ? home : (home as { constructor?: { name?: string } }).constructor;
  return owner && owner !== Object && (owner as { name?: string }).name ? `${(owner as { name: string }).name}.` : "";
};

/** Binds the parameters and evaluates the body; gives what it returns. */
export function runBody(
  node: FunctionNode,
  scope: Scope,
  args: readonly unknown[],
  ev: Evaluation,
  title: string,
): unknown {
  const completion = ev.call(title, (): Completion => {
    bindParameters(node, scope, args, ev);
    const { body } = node;
    if (!body) throw ev.failAt(node, "not-supported", "a function without a body");
    if (!ts.isBlock(body)) return { kind: "return", value: evaluate(body, scope, ev) };
    if (!returnsEarly(body)) return run(body.statements, scope, ev);
    return ev.flow.joined("return", [], title.split(".").at(-1)!, () => run(body.statements, scope, ev));
  });
  if (completion?.kind === "gone") throw ev.fail("never-returns");
  return completion?.kind === "return" ? completion.value : undefined;
}

const parameterLists = new WeakMap<FunctionNode, readonly ts.ParameterDeclaration[]>();
/** Parameters without `this`, once for each function. */
function parametersOf(node: FunctionNode, ev: Evaluation): readonly ts.ParameterDeclaration[] {
  const known = parameterLists.get(node);
  if (known) return known;
  if (!ts.isArrowFunction(node) && usesArguments(node)) throw ev.unsupported("arguments", node);
  const parameters = node.parameters.filter(({ name }) => !(ts.isIdentifier(name) && name.text === "this"));
  parameterLists.set(node, parameters);
  return parameters;
}

export function bindParameters(node: FunctionNode, scope: Scope, args: readonly unknown[], ev: Evaluation): void {
  const parameters = parametersOf(node, ev);
  for (let i = 0; i < parameters.length; i++) {
    const parameter = parameters[i]!;
    const given = parameter.dotDotDotToken ? ev.journal.born(args.slice(i)) : args[i];
    bind(parameter.name, orDefault(given, parameter.initializer, parameter.name, scope, ev), false, scope, ev);
  }
  if (node.body && ts.isBlock(node.body)) declareIn(node.body.statements, scope, ev);
}

function usesArguments(node: FunctionNode): boolean {
  let found = false;
  const visit = (child: ts.Node): void => {
    if (
      ts.isIdentifier(child) &&
      child.text === "arguments" &&
      ts.isExpression(child) &&
      !(ts.isPropertyAccessExpression(child.parent) && child.parent.name === child)
    )
      found = true;
    if (!found && !ts.isFunctionDeclaration(child) && !ts.isFunctionExpression(child)) ts.forEachChild(child, visit);
  };
  if (node.body) ts.forEachChild(node.body, visit);
  return found;
}
