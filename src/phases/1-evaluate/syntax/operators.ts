// Operators on build-time values mean what they mean in JavaScript; on run-time values they become host expressions;
// on tensors they are refused with the method to call.
import { computeBinary, isHostBinary } from "../../../ir/host-operators.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { binaryRunTime, expressionOf, isScalar, notRunTime, pin, RunTime, truth, typeOfScalar } from "../run-time.js";
import type { Scope } from "../scope.js";
import { checked, evaluate } from "./expressions.js";

const K = ts.SyntaxKind;

const methods: { readonly [operator: string]: string } = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "%": "remainder",
  "**": "pow",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

function refuseTensor(operator: string, left: unknown, right: unknown, ev: Evaluation): void {
  const method = methods[operator];
  if (!method || !(ev.intrinsics.isTensor(left) || ev.intrinsics.isTensor(right))) return;
  const help = ev.intrinsics.isTensor(left)
    ? `write a.${method}(b)`
    : `write b.${method === "sub" ? "neg().add" : method}(a) with the tensor first`;
  throw ev.fail("operator-on-tensor", operator, help);
}

export function binary(operator: string, left: unknown, right: unknown, ev: Evaluation): unknown {
  if (left instanceof RunTime || right instanceof RunTime) {
    if (isScalar(left) && isScalar(right)) {
      const result = binaryRunTime(operator, left, right);
      if (result !== null) return result;
      throw ev.fail("run-time-operator", operator, typeOfScalar(left), typeOfScalar(right));
    }
    if (operator === "===" || operator === "==") return false;
    if (operator === "!==" || operator === "!=") return true;
    if (operator === "in") return binary("in", plainOf(left), right, ev);
    refuseTensor(operator, left, right, ev);
  }
  refuseTensor(operator, left, right, ev);
  if (isHostBinary(operator)) return computeBinary(operator, left, right);
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's own operators on JavaScript's own values
  const [a, b] = [left as any, right as any];
  switch (operator) {
    case "==":
      // biome-ignore lint/suspicious/noDoubleEquals: the user's own ==
      return a == b;
    case "!=":
      // biome-ignore lint/suspicious/noDoubleEquals: the user's own !=
      return a != b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "<<":
      return a << b;
    case ">>":
      return a >> b;
    case ">>>":
      return a >>> b;
    case "in":
      return a in b;
    case "instanceof":
      return a instanceof b;
    default:
      throw ev.fail("not-supported", `the operator ${operator}`);
  }
}
const plainOf = (value: unknown): unknown => (value instanceof RunTime ? pin(value) : value);

export function unary(operator: ts.PrefixUnaryOperator, value: unknown, ev: Evaluation): unknown {
  if (ev.intrinsics.isTensor(value)) {
    if (operator === K.ExclamationToken) return !decide(value, ev);
    throw ev.fail("operator-on-tensor", ts.tokenToString(operator)!, "write a.neg() for -a");
  }
  if (value instanceof RunTime) {
    if (operator === K.ExclamationToken) return notRunTime(value);
    if (value.type === "number" && operator === K.PlusToken) return value;
    if (value.type === "number" && operator === K.MinusToken)
      return new RunTime(
        { kind: "unary", operator: "-", operand: value.expression },
        "number",
        value.known === undefined ? undefined : -(value.known as number),
      );
    value = pin(value);
  }
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's own operators on JavaScript's own values
  const x = value as any;
  switch (operator) {
    case K.ExclamationToken:
      return !x;
    case K.MinusToken:
      return -x;
    case K.PlusToken:
      return +x;
    case K.TildeToken:
      return ~x;
    default:
      throw ev.fail("not-supported", "this operator");
  }
}

/** A condition: known now, or a run-time value that nobody knows yet. Config values are pinned. */
export function decide(value: unknown, ev: Evaluation): boolean | RunTime {
  if (ev.intrinsics.isTensor(value) && !ev.intrinsics.isState(value)) throw ev.fail("branch-on-tensor");
  if (!(value instanceof RunTime)) return Boolean(value);
  return value.known === undefined ? value : Boolean(pin(value));
}

export function conditional(node: ts.ConditionalExpression, scope: Scope, ev: Evaluation): unknown {
  const value = evaluate(node.condition, scope, ev);
  ev.at = node.condition;
  const condition = decide(value, ev);
  if (!(condition instanceof RunTime)) return evaluate(condition ? node.whenTrue : node.whenFalse, scope, ev);
  const isPlain = isSimple(node.whenTrue) && isSimple(node.whenFalse);
  return choose(
    condition,
    isPlain,
    () => evaluate(node.whenTrue, scope, ev),
    () => evaluate(node.whenFalse, scope, ev),
    ev,
  );
}

const simple = new WeakMap<ts.Node, boolean>();
/** Whether evaluating an expression can do nothing but give a value. */
export function isSimple(node: ts.Node): boolean {
  const known = simple.get(node);
  if (known !== undefined) return known;
  const found = findSimple(node);
  simple.set(node, found);
  return found;
}
function findSimple(node: ts.Node): boolean {
  if (ts.isCallExpression(node))
    return /^(Math|Number)\./.test(node.expression.getText()) && node.arguments.every(isSimple);
  if (ts.isNewExpression(node) || ts.isDeleteExpression(node) || ts.isYieldExpression(node)) return false;
  if (ts.isPostfixUnaryExpression(node)) return false;
  if (ts.isPrefixUnaryExpression(node) && (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken))
    return false;
  if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) return false;
  if (ts.isFunctionLike(node)) return true;
  return ts.forEachChild(node, (child) => (isSimple(child) ? undefined : true)) === undefined;
}

/** One of two values by a run-time condition: an expression where both are plain scalars, else a branch. */
export function choose(
  condition: RunTime,
  isPlain: boolean,
  whenTrue: () => unknown,
  whenFalse: () => unknown,
  ev: Evaluation,
): unknown {
  if (isPlain) {
    const [a, b] = [whenTrue(), whenFalse()];
    if (Object.is(a, b)) return a;
    if (isScalar(a) && isScalar(b) && typeOfScalar(a) === typeOfScalar(b)) {
      const test = truth(condition).expression;
      return new RunTime(
        { kind: "conditional", condition: test, then: expressionOf(a), otherwise: expressionOf(b) },
        typeOfScalar(a),
      );
    }
  }
  const slot = ev.journal.variable("chosen", false);
  slot.value = undefined;
  ev.flow.branch(condition, [
    () => {
      ev.journal.write(slot, whenTrue());
      return null;
    },
    () => {
      ev.journal.write(slot, whenFalse());
      return null;
    },
  ]);
  return checked(slot.value, ev);
}

export function logical(
  operator: ts.SyntaxKind,
  left: ts.Expression,
  right: ts.Expression,
  scope: Scope,
  ev: Evaluation,
): unknown {
  return logicalOf(
    operator,
    evaluate(left, scope, ev),
    () => isSimple(right),
    () => evaluate(right, scope, ev),
    ev,
  );
}

export function logicalOf(
  operator: ts.SyntaxKind,
  first: unknown,
  isPlain: () => boolean,
  second: () => unknown,
  ev: Evaluation,
): unknown {
  if (operator === K.QuestionQuestionToken) return first === null || first === undefined ? second() : first;
  const isAnd = operator === K.AmpersandAmpersandToken;
  if (!(first instanceof RunTime) && !ev.intrinsics.isTensor(first)) return isAnd === Boolean(first) ? second() : first;
  if (ev.intrinsics.isTensor(first)) return isAnd ? second() : first;
  const condition = first as RunTime;
  if (condition.known !== undefined) return isAnd === Boolean(pin(condition)) ? second() : plainOf(condition);
  if (isPlain()) {
    const other = second();
    if (condition.type === "boolean" && isScalar(other) && typeOfScalar(other) === "boolean")
      return new RunTime(
        {
          kind: "binary",
          operator: isAnd ? "&&" : "||",
          left: condition.expression,
          right: expressionOf(other),
        },
        "boolean",
      );
    return choose(
      condition,
      true,
      () => (isAnd ? other : condition),
      () => (isAnd ? condition : other),
      ev,
    );
  }
  return choose(
    condition,
    false,
    () => (isAnd ? second() : condition),
    () => (isAnd ? condition : second()),
    ev,
  );
}

const isAssignment = (kind: ts.SyntaxKind): boolean => kind >= K.FirstAssignment && kind <= K.LastAssignment;
