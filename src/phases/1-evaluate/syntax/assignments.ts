// Assignments, also into patterns, and increments.
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { absent, Variable } from "../journal.js";
import type { Scope } from "../scope.js";
import { evaluate, readName } from "./expressions.js";
import { binary, logicalOf } from "./operators.js";
import { restOf, takeFrom } from "./patterns.js";
import { getProperty, propertyKey, setProperty } from "./properties.js";

/** Something that can be read and written: its object and key are evaluated once. */
interface Reference {
  read(): unknown;
  write(value: unknown): void;
}

export function referenceOf(node: ts.Expression, scope: Scope, ev: Evaluation): Reference {
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node))
    return referenceOf(node.expression, scope, ev);
  if (ts.isIdentifier(node))
    return {
      read: () => readName(node.text, scope, ev),
      write: (value) => {
        writeName(node, value, scope, ev);
      },
    };
  if (ts.isPropertyAccessExpression(node)) {
    const isSuper = node.expression.kind === ts.SyntaxKind.SuperKeyword;
    const object = isSuper ? scope.context.thisValue : evaluate(node.expression, scope, ev);
    const key = ts.isPrivateIdentifier(node.name) ? propertyKey(node.name, scope, ev) : node.name.text;
    return {
      read: () => getProperty(object, key, ev),
      write: (value) => {
        ev.at = node;
        setProperty(object, key, value, ev);
      },
    };
  }
  if (ts.isElementAccessExpression(node)) {
    const object = evaluate(node.expression, scope, ev);
    const index = evaluate(node.argumentExpression, scope, ev);
    const key = typeof index === "symbol" ? index : String(index);
    return {
      read: () => getProperty(object, key, ev),
      write: (value) => {
        ev.at = node;
        setProperty(object, key, value, ev);
      },
    };
  }
  throw ev.failAt(node, "not-supported", "an assignment to this");
}

function writeName(node: ts.Identifier, value: unknown, scope: Scope, ev: Evaluation): void {
  const found = scope.find(node.text);
  if (!(found instanceof Variable)) throw ev.failAt(node, "unknown-name", node.text, null);
  if (found.value === absent) throw new ReferenceError(`Cannot access '${node.text}' before initialization`);
  if (found.isConstant) throw new TypeError("Assignment to constant variable.");
  if (found.cell) found.cell.write(value);
  else ev.journal.write(found, value);
}

export function assign(node: ts.BinaryExpression, scope: Scope, ev: Evaluation): unknown {
  if (ts.isArrayLiteralExpression(node.left) || ts.isObjectLiteralExpression(node.left)) {
    const value = evaluate(node.right, scope, ev);
    assignPattern(node.left, value, scope, ev);
    return value;
  }
  const reference = referenceOf(node.left, scope, ev);
  const value = evaluate(node.right, scope, ev);
  reference.write(value);
  return value;
}

function assignPattern(node: ts.Expression, value: unknown, scope: Scope, ev: Evaluation): void {
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken)
    assignPattern(node.left, value === undefined ? evaluate(node.right, scope, ev) : value, scope, ev);
  else if (ts.isArrayLiteralExpression(node)) {
    const take = takeFrom(value, ev);
    for (const element of node.elements) {
      if (ts.isOmittedExpression(element)) take.one();
      else if (ts.isSpreadElement(element)) assignPattern(element.expression, take.rest(), scope, ev);
      else assignPattern(element, take.one(), scope, ev);
    }
    take.end();
  } else if (ts.isObjectLiteralExpression(node)) {
    const used: PropertyKey[] = [];
    for (const property of node.properties) {
      if (ts.isSpreadAssignment(property)) {
        assignPattern(property.expression, restOf(value as object, used, ev), scope, ev);
        continue;
      }
      const key = propertyKey(property.name!, scope, ev);
      used.push(key);
      const part = getProperty(value, key, ev);
      if (ts.isPropertyAssignment(property)) assignPattern(property.initializer, part, scope, ev);
      else if (ts.isShorthandPropertyAssignment(property)) {
        const initializer = property.objectAssignmentInitializer;
        const chosen = part === undefined && initializer ? evaluate(initializer, scope, ev) : part;
        writeName(property.name, chosen, scope, ev);
      } else throw ev.failAt(property, "not-supported", "this pattern");
    }
  } else referenceOf(node, scope, ev).write(value);
}

const K = ts.SyntaxKind;
export function assignCompound(node: ts.BinaryExpression, scope: Scope, ev: Evaluation): unknown {
  const reference = referenceOf(node.left, scope, ev);
  const before = reference.read();
  const kind = node.operatorToken.kind;
  const logical =
    kind === K.AmpersandAmpersandEqualsToken
      ? K.AmpersandAmpersandToken
      : kind === K.BarBarEqualsToken
        ? K.BarBarToken
        : kind === K.QuestionQuestionEqualsToken
          ? K.QuestionQuestionToken
          : null;
  if (logical !== null)
    return logicalOf(
      logical,
      before,
      () => false,
      () => {
        const value = evaluate(node.right, scope, ev);
        reference.write(value);
        return value;
      },
      ev,
    );
  const right = evaluate(node.right, scope, ev);
  ev.at = node;
  const value = binary(ts.tokenToString(node.operatorToken.kind)!.slice(0, -1), before, right, ev);
  reference.write(value);
  return value;
}

export function increment(
  target: ts.Expression,
  operator: ts.SyntaxKind,
  isPrefix: boolean,
  scope: Scope,
  ev: Evaluation,
): unknown {
  const reference = referenceOf(target, scope, ev);
  const value = reference.read();
  const before = typeof value === "string" ? Number(value) : value;
  const after = binary(operator === K.PlusPlusToken ? "+" : "-", before, 1, ev);
  reference.write(after);
  return isPrefix ? after : before;
}
