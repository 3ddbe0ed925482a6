// JavaScript's own meaning of the operators of host code, on plain values.
import type { HostBinary } from "./host.js";

export type HostValue = number | boolean | string;

export function computeBinary(operator: HostBinary, left: HostValue, right: HostValue): HostValue {
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's own operators
  const [a, b] = [left as any, right as any];
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "**":
      return a ** b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "===":
      return a === b;
    case "!==":
      return a !== b;
    case "&&":
      return a && b;
    case "||":
      return a || b;
  }
}
