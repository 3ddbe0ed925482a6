// Expressions: a table from the kind of node to what evaluates it.
import { nearestName } from "../../../diagnostics/nearest-name.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { Conflict } from "../joins.js";
import { absent, Variable } from "../journal.js";
import { expressionOf, isScalar, RunTime } from "../run-time.js";
import type { Scope } from "../scope.js";
import { assign, assignCompound, increment } from "./assignments.js";
import { call, callTag, construct, superCall } from "./calls.js";
import { classValue } from "./classes.js";
import { functionValue } from "./functions.js";
import { iterate } from "./iteration.js";
import { binary, conditional, logical, unary } from "./operators.js";
import { defineProperty, getProperty, propertyKey, superProperty } from "./properties.js";

export type Evaluate = (node: ts.Expression, scope: Scope, ev: Evaluation) => unknown;

/** Marks the end of an optional chain whose head was null or undefined. */
export const shortCircuit = Symbol("shortCircuit");

export const evaluate: Evaluate = (node, scope, ev) => {
  const value = evaluateChain(node, scope, ev);
  return value === shortCircuit ? undefined : value;
};

/** As `evaluate`, but an optional chain that ended early says so. */
export const evaluateChain: Evaluate = (node, scope, ev) => {
  ev.step();
  const before = ev.at;
  ev.at = node;
  const handler = handlers[node.kind];
  if (!handler) throw ev.unknownKind("this", node);
  const value = handler(node as never, scope, ev);
  ev.at = before;
  return value;
};

const K = ts.SyntaxKind;
type Handler = (node: never, scope: Scope, ev: Evaluation) => unknown;
const handlers: (Handler | undefined)[] = [];
const on = <N extends ts.Expression>(
  kinds: readonly ts.SyntaxKind[],
  handler: (node: N, scope: Scope, ev: Evaluation) => unknown,
): void => {
  for (const kind of kinds) handlers[kind] = handler as Handler;
};

on<ts.NumericLiteral>([K.NumericLiteral], (node) => Number(node.text));
on<ts.StringLiteral>([K.StringLiteral, K.NoSubstitutionTemplateLiteral], (node) => node.text);
on([K.TrueKeyword], () => true);
on([K.FalseKeyword], () => false);
on([K.NullKeyword], () => null);
on<ts.BigIntLiteral>([K.BigIntLiteral], (_, __, ev) => {
  throw ev.unsupported("bigint");
});
on([K.RegularExpressionLiteral], (_, __, ev) => {
  throw ev.unsupported("regular-expression");
});
on<ts.Identifier>([K.Identifier], (node, scope, ev) => readName(node.text, scope, ev));
on<ts.ParenthesizedExpression>([K.ParenthesizedExpression], (node, scope, ev) => evaluate(node.expression, scope, ev));
on<ts.AsExpression>(
  [K.AsExpression, K.SatisfiesExpression, K.NonNullExpression, K.TypeAssertionExpression],
  (node, scope, ev) => evaluateChain(node.expression, scope, ev),
);
on<ts.ExpressionWithTypeArguments>([K.ExpressionWithTypeArguments], (node, scope, ev) =>
  evaluate(node.expression, scope, ev),
);
on([K.ThisKeyword], (_, scope) => {
  if (!scope.context.isThisReady)
    throw new ReferenceError(
      "Must call super constructor in derived class before accessing 'this' or returning from derived constructor",
    );
  return scope.context.thisValue;
});
on<ts.TemplateExpression>([K.TemplateExpression], (node, scope, ev) => {
  let text: unknown = node.head.text;
  for (const { expression, literal } of node.templateSpans) {
    const value = evaluate(expression, scope, ev);
    if (value instanceof RunTime || text instanceof RunTime) {
      const part = isScalar(value) ? value : String(value);
      text = new RunTime(
        {
          kind: "binary",
          operator: "+",
          left: { kind: "binary", operator: "+", left: expressionOf(text as string), right: expressionOf(part) },
          right: { kind: "literal", value: literal.text },
        },
        "string",
        known(text) === undefined || known(part) === undefined
          ? undefined
          : `${known(text)}${known(part)}${literal.text}`,
      );
    } else {
      if (ev.intrinsics.isTensor(value)) throw ev.fail("tensor-in-text");
      text = `${text}${value as string}${literal.text}`;
    }
  }
  return text;
});
const known = (value: unknown): unknown => (value instanceof RunTime ? value.known : value);
on<ts.ArrayLiteralExpression>([K.ArrayLiteralExpression], (node, scope, ev) => {
  const items: unknown[] = [];
  for (const element of node.elements) {
    if (ts.isOmittedExpression(element)) items.length++;
    else if (ts.isSpreadElement(element)) items.push(...iterate(evaluate(element.expression, scope, ev), ev));
    else items.push(evaluate(element, scope, ev));
  }
  return ev.journal.born(items);
});
on<ts.ObjectLiteralExpression>([K.ObjectLiteralExpression], (node, scope, ev) => {
  const object: Record<PropertyKey, unknown> = ev.journal.born({});
  for (const property of node.properties) {
    if (ts.isSpreadAssignment(property)) {
      const source = evaluate(property.expression, scope, ev);
      if (source !== null && source !== undefined) Object.assign(object, source);
      continue;
    }
    const key = propertyKey(property.name, scope, ev);
    if (ts.isPropertyAssignment(property)) {
      const value = ts.isFunctionLike(property.initializer)
        ? functionValue(property.initializer as ts.FunctionExpression, scope, ev, String(key))
        : evaluate(property.initializer, scope, ev);
      if (key === "__proto__") throw ev.unsupported("proto");
      ev.intrinsics.name(value, String(key));
      defineProperty(object, key, value, ev);
    } else if (ts.isShorthandPropertyAssignment(property))
      defineProperty(object, key, readName(property.name.text, scope, ev), ev);
    else if (ts.isMethodDeclaration(property))
      defineProperty(object, key, functionValue(property, scope, ev, String(key), object), ev);
    else {
      const part = ts.isGetAccessorDeclaration(property) ? "get" : "set";
      const own = Object.getOwnPropertyDescriptor(object, key);
      const accessor = functionValue(property, scope, ev, String(key), object);
      const [get, set] = [
        part === "get" ? (accessor as () => unknown) : own?.get,
        part === "set" ? (accessor as () => unknown) : own?.set,
      ];
      const descriptor = { enumerable: true, configurable: true, ...(get && { get }), ...(set && { set }) };
      Object.defineProperty(object, key, descriptor);
    }
  }
  return object;
});
on<ts.PropertyAccessExpression>([K.PropertyAccessExpression], (node, scope, ev) => {
  if (node.expression.kind === K.SuperKeyword) return superProperty(node.name.text, scope, ev);
  const object = evaluateChain(node.expression, scope, ev);
  if (object === shortCircuit) return shortCircuit;
  if (node.questionDotToken && (object === null || object === undefined)) return shortCircuit;
  ev.at = node.name;
  return getProperty(
    object,
    ts.isPrivateIdentifier(node.name) ? propertyKey(node.name, scope, ev) : node.name.text,
    ev,
  );
});
on<ts.ElementAccessExpression>([K.ElementAccessExpression], (node, scope, ev) => {
  const object = evaluateChain(node.expression, scope, ev);
  if (object === shortCircuit) return shortCircuit;
  if (node.questionDotToken && (object === null || object === undefined)) return shortCircuit;
  const key = evaluate(node.argumentExpression, scope, ev);
  ev.at = node.argumentExpression;
  return getProperty(object, typeof key === "symbol" ? key : String(key), ev);
});
on<ts.CallExpression>([K.CallExpression], (node, scope, ev) =>
  node.expression.kind === K.SuperKeyword ? superCall(node, scope, ev) : call(node, scope, ev),
);
on<ts.NewExpression>([K.NewExpression], construct);
on<ts.FunctionExpression>([K.FunctionExpression, K.ArrowFunction], (node, scope, ev) =>
  functionValue(node, scope, ev, ""),
);
on<ts.ClassExpression>([K.ClassExpression], (node, scope, ev) => classValue(node, scope, ev, ""));
on<ts.PrefixUnaryExpression>([K.PrefixUnaryExpression], (node, scope, ev) =>
  node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken
    ? increment(node.operand, node.operator, true, scope, ev)
    : unary(node.operator, evaluate(node.operand, scope, ev), ev),
);
on<ts.PostfixUnaryExpression>([K.PostfixUnaryExpression], (node, scope, ev) =>
  increment(node.operand, node.operator, false, scope, ev),
);
on<ts.TypeOfExpression>([K.TypeOfExpression], (node, scope, ev) => {
  if (ts.isIdentifier(node.expression) && !scope.find(node.expression.text)) return "undefined";
  const value = evaluate(node.expression, scope, ev);
  return value instanceof RunTime ? value.type : typeof value;
});
on<ts.VoidExpression>([K.VoidExpression], (node, scope, ev) => void evaluate(node.expression, scope, ev));
on<ts.DeleteExpression>([K.DeleteExpression], (node, scope, ev) => {
  const target = node.expression;
  if (!ts.isPropertyAccessExpression(target) && !ts.isElementAccessExpression(target))
    throw ev.fail("not-supported", "delete of this");
  const object = evaluate(target.expression, scope, ev) as object;
  const key = ts.isPropertyAccessExpression(target)
    ? target.name.text
    : (evaluate(target.argumentExpression, scope, ev) as PropertyKey);
  if (Array.isArray(object)) ev.journal.note(ev.journal.collection(object));
  else ev.journal.note(ev.journal.property(object, key));
  return Reflect.deleteProperty(object, key);
});
on<ts.ConditionalExpression>([K.ConditionalExpression], conditional);
on<ts.BinaryExpression>([K.BinaryExpression], (node, scope, ev) => {
  const operator = node.operatorToken.kind;
  if (operator === K.EqualsToken) return assign(node, scope, ev);
  if (operator >= K.FirstCompoundAssignment && operator <= K.LastCompoundAssignment)
    return assignCompound(node, scope, ev);
  if (operator === K.CommaToken) {
    evaluate(node.left, scope, ev);
    return evaluate(node.right, scope, ev);
  }
  if (operator === K.AmpersandAmpersandToken || operator === K.BarBarToken || operator === K.QuestionQuestionToken)
    return logical(operator, node.left, node.right, scope, ev);
  if (operator === K.InKeyword && ts.isPrivateIdentifier(node.left))
    return Object.hasOwn(evaluate(node.right, scope, ev) as object, propertyKey(node.left, scope, ev));
  const left = evaluate(node.left, scope, ev);
  const right = evaluate(node.right, scope, ev);
  ev.at = node;
  return binary(ts.tokenToString(operator)!, left, right, ev);
});
on<ts.SpreadElement>([K.SpreadElement], (_, __, ev) => {
  throw ev.fail("not-supported", "a spread here");
});
on<ts.AwaitExpression>([K.AwaitExpression], (_, __, ev) => {
  throw ev.unsupported("await");
});
on<ts.YieldExpression>([K.YieldExpression], (_, __, ev) => {
  throw ev.unsupported("place-of-yield");
});
on<ts.TaggedTemplateExpression>([K.TaggedTemplateExpression], callTag);
on<ts.MetaProperty>([K.MetaProperty], (node, scope, ev) => {
  if (node.keywordToken !== K.NewKeyword) throw ev.unsupported("import-meta");
  return scope.context.newTarget;
});

/** The value of a name. */
export function readName(name: string, scope: Scope, ev: Evaluation): unknown {
  const found = scope.find(name);
  if (found === null) {
    if (name === "undefined") return undefined;
    throw ev.fail("unknown-name", name, nearestName(name, scope.allNames()));
  }
  const value = found instanceof Variable ? found.current : found();
  if (value === absent) throw new ReferenceError(`Cannot access '${name}' before initialization`);
  return checked(value, ev);
}

/** Refuses values that differ between paths. */
export function checked(value: unknown, ev: Evaluation): unknown {
  if (value instanceof Conflict) throw ev.fail("differs-between-paths", value.name);
  return value;
}
