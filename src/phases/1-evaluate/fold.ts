// Host expressions with everything computed that is known: literals, and config values that shaped the program and so
// cannot change any more.
import type { HostExpression } from "../../ir/host.js";
import { computeBinary } from "../../ir/host-operators.js";
import { withOperands } from "../../ir/host-parts.js";

/** The value of a config path that is fixed, undefined for others. */
export type FixedValues = (path: string) => number | boolean | string | undefined;

export function foldExpression(given: HostExpression, fixed: FixedValues): HostExpression {
  const expression = withOperands(given, (operand) => foldExpression(operand, fixed));
  switch (expression.kind) {
    case "config": {
      const value = fixed(expression.path);
      return value === undefined ? expression : { kind: "literal", value };
    }
    case "unary": {
      const { operator, operand } = expression;
      if (operand.kind !== "literal") return expression;
      return literal(operator === "!" ? !operand.value : operator === "-" ? -operand.value : Number(operand.value));
    }
    case "binary":
      return foldBinary(expression);
    case "conditional": {
      const { condition, then, otherwise } = expression;
      return condition.kind === "literal" ? (condition.value ? then : otherwise) : expression;
    }
    case "math": {
      const args = expression.args.map((arg) => (arg.kind === "literal" ? Number(arg.value) : undefined));
      if (args.includes(undefined)) return expression;
      return literal((Math[expression.fn] as (...values: unknown[]) => number)(...args));
    }
    case "toFixed":
      return expression.value.kind === "literal"
        ? literal(Number(expression.value.value).toFixed(expression.digits))
        : expression;
    default:
      return expression;
  }
}

const literal = (value: number | boolean | string): HostExpression => ({ kind: "literal", value });

function foldBinary(expression: HostExpression & { kind: "binary" }): HostExpression {
  const { operator, left, right } = expression;
  if (left.kind === "literal" && (operator === "&&" || operator === "||"))
    return Boolean(left.value) === (operator === "&&") ? right : left;
  if (left.kind === "literal" && right.kind === "literal")
    return literal(computeBinary(operator, left.value, right.value));
  const isOne = (side: HostExpression): boolean => side.kind === "literal" && side.value === 1;
  if ((operator === "*" || operator === "/") && isOne(right)) return left;
  if (operator === "*" && isOne(left)) return right;
  return expression;
}
