// Declarations of names: plain ones, and patterns with defaults and rests.
import { Fresh } from "../cells.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import type { Scope } from "../scope.js";
import { evaluate, iterate } from "./expressions.js";
import { functionName } from "./functions.js";
import { getProperty, propertyKey } from "./properties.js";

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
    const items = iterate(value, ev);
    name.elements.forEach((element, i) => {
      if (ts.isOmittedExpression(element)) return;
      const part = element.dotDotDotToken ? ev.journal.born(items.slice(i)) : items[i];
      bind(element.name, orDefault(part, element.initializer, element.name, scope, ev), isConstant, scope, ev);
    });
    return;
  }
  if (value === null || value === undefined) throw new TypeError(`Cannot destructure '${value}' as it is ${value}.`);
  const used: PropertyKey[] = [];
  for (const element of name.elements) {
    if (element.dotDotDotToken) {
      const rest = Object.fromEntries(Object.entries(value as object).filter(([key]) => !used.includes(key)));
      bind(element.name, ev.journal.born(rest), isConstant, scope, ev);
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
