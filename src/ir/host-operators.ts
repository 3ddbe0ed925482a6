// JavaScript's own meaning of the operators of host code, on plain values: folded, evaluated or interpreted alike.
import type { HostBinary } from "./host.js";

export type HostValue = number | boolean | string;

const binaries = [
  "+",
  "-",
  "*",
  "/",
  "%",
  "**",
  "<",
  "<=",
  ">",
  ">=",
  "===",
  "!==",
  "&&",
  "||",
] as const satisfies readonly HostBinary[];

export const isHostBinary = (operator: string): operator is HostBinary =>
  (binaries as readonly string[]).includes(operator);

export function computeBinary(operator: HostBinary, left: unknown, right: unknown): HostValue {
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
