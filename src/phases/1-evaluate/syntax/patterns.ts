// Declarations of names: plain ones, and patterns with defaults and rests.
import { Fresh } from "../cells.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import type { Scope } from "../scope.js";
import { evaluate } from "./expressions.js";
import { functionName } from "./functions.js";
import { itemsOf } from "./iteration.js";
import { defineProperty, getProperty, propertyKey } from "./properties.js";

/** Declares the names of a binding in `scope` and gives them their values. */
export function bind(name: ts.BindingName, value: unknown, isConstant: boolean, scope: Scope, ev: Evaluation): void {
  if (ts.isIdentifier(name)) {
    const own = scope.own(name.text) ?? ev.journal.variable(name.text, isConstant);
    if (!scope.own(name.text)) scope.declare(own);
    if (!isConstant && value instanceof Fresh) own.cell = ev.flow.cell(name.text, value);
    own.value = value;
    ev.intrinsics.name(value, name.text);
    return;
  }
  if (ts.isArrayBindingPattern(name)) {
    const take = takeFrom(value, ev);
    for (const element of name.elements) {
      const part = !ts.isOmittedExpression(element) && element.dotDotDotToken ? take.rest() : take.one();
      if (ts.isOmittedExpression(element)) continue;
      bind(element.name, orDefault(part, element.initializer, element.name, scope, ev), isConstant, scope, ev);
    }
    take.end();
    return;
  }
  if (value === null || value === undefined) throw new TypeError(`Cannot destructure '${value}' as it is ${value}.`);
  const used: PropertyKey[] = [];
  for (const element of name.elements) {
    if (element.dotDotDotToken) {
      bind(element.name, restOf(value as object, used, ev), isConstant, scope, ev);
      continue;
    }
    const property = element.propertyName ?? (element.name as ts.Identifier);
    const key = propertyKey(property, scope, ev);
    used.push(key);
    ev.at = element;
    const part = getProperty(value, key, ev);
    bind(element.name, orDefault(part, element.initializer, element.name, scope, ev), isConstant, scope, ev);
  }
}

/** Hands out the items of a value for a pattern, no more than it takes. */
export function takeFrom(value: unknown, ev: Evaluation): { one(): unknown; rest(): unknown[]; end(): void } {
  const items = itemsOf(value, ev);
  let isOver = false;
  const one = (): unknown => {
    if (isOver) return undefined;
    const item = items.next();
    isOver = item.isDone;
    return item.isDone ? undefined : item.value;
  };
  const rest = (): unknown[] => {
    const all: unknown[] = [];
    for (let item = one(); !isOver; item = one()) all.push(item);
    return ev.journal.born(all);
  };
  const end = (): void => {
    if (!isOver) items.close();
  };
  return { one, rest, end };
}

/** An object of the properties that a pattern has not taken. */
export function restOf(value: object, used: readonly PropertyKey[], ev: Evaluation): object {
  const rest: Record<PropertyKey, unknown> = ev.journal.born({});
  for (const key of Reflect.ownKeys(Object(value) as object))
    if (!used.includes(key) && Object.prototype.propertyIsEnumerable.call(value, key))
      defineProperty(rest, key, getProperty(value, key, ev), ev);
  return rest;
}

export function orDefault(
  value: unknown,
  initializer: ts.Expression | undefined,
  name: ts.BindingName,
  scope: Scope,
  ev: Evaluation,
): unknown {
  if (value !== undefined || !initializer) return value;
  return (
    functionName(initializer, ts.isIdentifier(name) ? name.text : "", scope, ev) ?? evaluate(initializer, scope, ev)
  );
}
