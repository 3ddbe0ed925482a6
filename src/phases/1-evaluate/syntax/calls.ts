// Calls. Evaluated functions evaluate themselves; builtins run as they are, once what they change is journaled and
// run-time operands are given their meaning.
import { nearestName } from "../../../diagnostics/nearest-name.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { RunTime } from "../run-time.js";
import type { Scope } from "../scope.js";
import { callBuiltin, prepareConstruction } from "./builtins.js";
import { evaluate, evaluateChain, shortCircuit } from "./expressions.js";
import { iterate } from "./iteration.js";
import { getProperty, propertyKey, superProperty } from "./properties.js";

function argumentsOf(list: readonly ts.Expression[] | undefined, scope: Scope, ev: Evaluation): unknown[] {
  const args: unknown[] = [];
  for (const node of list ?? [])
    if (ts.isSpreadElement(node)) args.push(...iterate(evaluate(node.expression, scope, ev), ev));
    else args.push(evaluate(node, scope, ev));
  return args;
}

export function call(node: ts.CallExpression, scope: Scope, ev: Evaluation): unknown {
  let receiver: unknown;
  let fn: unknown;
  const callee = unwrap(node.expression);
  if (ts.isPropertyAccessExpression(callee) || ts.isElementAccessExpression(callee)) {
    if (callee.expression.kind === ts.SyntaxKind.SuperKeyword) {
      receiver = scope.context.thisValue;
      fn = superProperty((callee as ts.PropertyAccessExpression).name.text, scope, ev);
    } else {
      receiver = evaluateChain(callee.expression, scope, ev);
      if (receiver === shortCircuit) return shortCircuit;
      if (callee.questionDotToken && (receiver === null || receiver === undefined)) return shortCircuit;
      if (ts.isPropertyAccessExpression(callee)) {
        ev.at = callee.name;
        fn = getProperty(
          receiver,
          ts.isPrivateIdentifier(callee.name) ? propertyKey(callee.name, scope, ev) : callee.name.text,
          ev,
        );
      } else {
        const key = evaluate(callee.argumentExpression, scope, ev);
        fn = getProperty(receiver, typeof key === "symbol" ? key : String(key), ev);
      }
    }
  } else fn = evaluateChain(callee, scope, ev);
  if (fn === shortCircuit) return shortCircuit;
  if (node.questionDotToken && (fn === null || fn === undefined)) return shortCircuit;
  const args = argumentsOf(node.arguments, scope, ev);
  ev.at = node;
  if (typeof fn !== "function") throw missingFunction(callee, receiver, ev);
  return apply(fn as (...args: unknown[]) => unknown, receiver, args, ev);
}

const unwrap = (node: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node)
    ? unwrap(node.expression)
    : node;

function missingFunction(callee: ts.Expression, receiver: unknown, ev: Evaluation): Error {
  const text = callee.getText();
  const isMissing =
    ts.isPropertyAccessExpression(callee) &&
    typeof receiver === "object" &&
    receiver !== null &&
    !(callee.name.text in receiver);
  if (isMissing) {
    const names = new Set<string>();
    for (
      let at: object | null = receiver;
      at && at !== Object.prototype;
      at = Object.getPrototypeOf(at) as object | null
    )
      for (const name of Object.getOwnPropertyNames(at)) names.add(name);
    const near = nearestName(callee.name.text, names);
    if (near !== null)
      return ev.failAt(callee.name, "unknown-member", callee.expression.getText(), callee.name.text, near);
  }
  return new TypeError(`${text} is not a function`);
}

const mutators = new Set<unknown>([
  ...(["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"] as const).map(
    (name) => Array.prototype[name],
  ),
  ...(["set", "delete", "clear"] as const).map((name) => Map.prototype[name]),
  ...(["add", "delete", "clear"] as const).map((name) => Set.prototype[name]),
]);

/** Calls any function as evaluated code would. */
export function apply(
  fn: (...args: unknown[]) => unknown,
  receiver: unknown,
  args: readonly unknown[],
  ev: Evaluation,
): unknown {
  if (mutators.has(fn)) {
    const contents = ev.journal.collection(receiver as unknown[]);
    if (ev.flow.isInControl) contents.changedAt = ev.origin();
    ev.journal.note(contents);
  }
  if ((fn as unknown) === Object.assign && typeof args[0] === "object" && args[0] !== null)
    for (const source of args.slice(1))
      for (const key of Object.keys(Object(source) as object)) ev.journal.note(ev.journal.property(args[0], key));
  const result = ev.evaluated.has(fn)
    ? ev.intrinsics.inScope(receiver, () => Reflect.apply(fn, receiver, args) as unknown)
    : callBuiltin(fn, receiver, args, ev);
  if (Array.isArray(result) && !ev.evaluated.has(fn) && result !== receiver) ev.journal.born(result);
  return result;
}

/** A function before a template gets its texts, cooked and raw, and its values. */
export function callTag(node: ts.TaggedTemplateExpression, scope: Scope, ev: Evaluation): unknown {
  const { tag, template } = node;
  const callee = unwrap(tag);
  const receiver = ts.isPropertyAccessExpression(callee) ? evaluate(callee.expression, scope, ev) : undefined;
  const fn = ts.isPropertyAccessExpression(callee)
    ? getProperty(receiver, callee.name.text, ev)
    : evaluate(callee, scope, ev);
  const spans = ts.isNoSubstitutionTemplateLiteral(template) ? [] : template.templateSpans;
  const literals = [
    ts.isNoSubstitutionTemplateLiteral(template) ? template : template.head,
    ...spans.map(({ literal }) => literal),
  ];
  const texts = literals.map(({ text }) => text);
  Object.defineProperty(texts, "raw", { value: Object.freeze(literals.map(rawText)) });
  const values = spans.map(({ expression }) => evaluate(expression, scope, ev));
  ev.at = node;
  if (typeof fn !== "function") throw new TypeError(`${tag.getText()} is not a function`);
  return apply(fn as (...args: unknown[]) => unknown, receiver, [Object.freeze(texts), ...values], ev);
}
/** As written, between its marks. */
const rawText = (literal: ts.TemplateLiteralLikeNode): string => {
  const text = literal.getText();
  return text.slice(1, text.endsWith("${") ? -2 : -1).replaceAll("\r\n", "\n");
};

export function construct(node: ts.NewExpression, scope: Scope, ev: Evaluation): unknown {
  const fn = evaluate(node.expression, scope, ev);
  const args = argumentsOf(node.arguments, scope, ev);
  ev.at = node;
  if (typeof fn !== "function") throw new TypeError(`${node.expression.getText()} is not a constructor`);
  // The text of an error may be made of what only the running program knows: it is then thrown there.
  const isError = fn === Error || (fn as { prototype?: unknown }).prototype instanceof Error;
  const text = isError && !ev.evaluated.has(fn) && args[0] instanceof RunTime ? args[0] : null;
  const made = Reflect.construct(
    fn as new (
      ...all: unknown[]
    ) => object,
    ev.evaluated.has(fn) ? args : prepareConstruction(fn, text ? [""] : args, ev),
  ) as object;
  if (made instanceof Error) {
    errorPlaces.set(made, ev.origin());
    if (text) Object.defineProperty(made, "message", { value: text, writable: true, configurable: true });
  }
  return ev.journal.born(made);
}

/** Where errors were made: an error that nobody catches is reported there. */
export const errorPlaces = new WeakMap<Error, ReturnType<Evaluation["origin"]>>();

export function superCall(node: ts.CallExpression, scope: Scope, ev: Evaluation): unknown {
  const { construct: build } = scope.context;
  if (!build) throw ev.fail("not-supported", "super() here");
  const args = argumentsOf(node.arguments, scope, ev);
  ev.at = node;
  build(args);
  return undefined;
}
