// Values that only the running program knows: a host expression and its type. A config value is one too, with a default
// that the compiler may fall back on: whoever needs to know it at build time pins it, and then `--set` cannot change it.
import type { HostBinary, HostExpression, MathFunction } from "../../ir/host.js";
import { computeBinary, type HostValue } from "../../ir/host-operators.js";

export type RunTimeType = "number" | "boolean" | "string";

export class RunTime {
  constructor(
    readonly expression: HostExpression,
    readonly type: RunTimeType,
    /** What it is if no config value is set at start; undefined where nothing is known. */
    readonly known: HostValue | undefined = undefined,
  ) {}
  /** Builtins that need a plain value get the default of a config value, which is pinned by that. */
  [Symbol.toPrimitive](): HostValue {
    return pin(this);
  }
}

/** What pins a config value and what refuses a value that nobody knows: set by the evaluator that is running. */
export interface Pinning {
  pinPath(path: string): void;
  refuse(value: RunTime): never;
}
let pinning: Pinning | null = null;
export function withPinning<T>(how: Pinning, body: () => T): T {
  const before = pinning;
  pinning = how;
  try {
    return body();
  } finally {
    pinning = before;
  }
}

/** The build-time value of a run-time value whose parts are all config defaults. */
export function pin(value: RunTime): HostValue {
  if (!pinning) throw new Error("a run-time value outside of an evaluation");
  if (value.known === undefined) return pinning.refuse(value);
  for (const path of configPaths(value.expression)) pinning.pinPath(path);
  return value.known;
}

function* configPaths(expression: HostExpression): Generator<string> {
  switch (expression.kind) {
    case "config":
      yield expression.path;
      break;
    case "unary":
      yield* configPaths(expression.operand);
      break;
    case "binary":
      yield* configPaths(expression.left);
      yield* configPaths(expression.right);
      break;
    case "conditional":
      for (const part of [expression.condition, expression.then, expression.otherwise]) yield* configPaths(part);
      break;
    case "math":
    case "query":
      for (const part of expression.args) yield* configPaths(part);
      break;
    case "toFixed":
      yield* configPaths(expression.value);
      break;
  }
}

export type Scalar = HostValue | RunTime;
export const isScalar = (value: unknown): value is Scalar =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "string" || value instanceof RunTime;
export const typeOfScalar = (value: Scalar): RunTimeType =>
  value instanceof RunTime ? value.type : (typeof value as RunTimeType);
export const knownOf = (value: Scalar): HostValue | undefined => (value instanceof RunTime ? value.known : value);
export const expressionOf = (value: Scalar): HostExpression =>
  value instanceof RunTime ? value.expression : { kind: "literal", value };

const comparisons: readonly string[] = ["<", "<=", ">", ">=", "===", "!=="];

/** A binary operation of which at least one side is a run-time value; null where the types do not fit. */
export function binaryRunTime(operator: string, left: Scalar, right: Scalar): Scalar | null {
  const [a, b] = [typeOfScalar(left), typeOfScalar(right)];
  const op = (operator === "==" ? "===" : operator === "!=" ? "!==" : operator) as HostBinary;
  const isEquality = op === "===" || op === "!==";
  if (isEquality && a !== b) return op === "!==";
  const isText = op === "+" && (a === "string" || b === "string");
  if (!isEquality && !isText && (a !== "number" || b !== "number")) return null;
  if (!["+", "-", "*", "/", "%", "**", ...comparisons].includes(op)) return null;
  const [x, y] = [knownOf(left), knownOf(right)];
  const known = x === undefined || y === undefined ? undefined : computeBinary(op, x, y);
  const type = comparisons.includes(op) ? "boolean" : isText ? "string" : "number";
  return new RunTime(
    { kind: "binary", operator: op, left: expressionOf(left), right: expressionOf(right) },
    type,
    known,
  );
}

export const notRunTime = (value: RunTime): RunTime => {
  const { expression, known } = truth(value);
  return new RunTime(
    { kind: "unary", operator: "!", operand: expression },
    "boolean",
    known === undefined ? undefined : !known,
  );
};

/** The value as a condition. Numbers are true unless 0 or NaN, strings unless empty. */
export function truth(value: RunTime): RunTime {
  if (value.type === "boolean") return value;
  const known = value.known === undefined ? undefined : Boolean(value.known);
  if (value.type === "string")
    return new RunTime(
      { kind: "binary", operator: "!==", left: value.expression, right: { kind: "literal", value: "" } },
      "boolean",
      known,
    );
  const isNumber: HostExpression = { kind: "binary", operator: "===", left: value.expression, right: value.expression };
  const isNotZero: HostExpression = {
    kind: "binary",
    operator: "!==",
    left: value.expression,
    right: { kind: "literal", value: 0 },
  };
  return new RunTime({ kind: "binary", operator: "&&", left: isNumber, right: isNotZero }, "boolean", known);
}

export const mathFunctions: ReadonlyMap<unknown, MathFunction> = new Map(
  (
    [
      "abs",
      "ceil",
      "cos",
      "exp",
      "floor",
      "log",
      "log2",
      "log10",
      "max",
      "min",
      "pow",
      "round",
      "sign",
      "sin",
      "sqrt",
      "tan",
      "tanh",
      "trunc",
    ] as const
  ).map((name) => [Math[name], name]),
);

/** A function of `Math` on numbers of which at least one is a run-time value. */
export function mathRunTime(fn: MathFunction, args: readonly Scalar[]): RunTime {
  const known = args.map(knownOf);
  const all = known.every((value) => value !== undefined);
  const result = all ? (Math[fn] as (...values: unknown[]) => number)(...known) : undefined;
  return new RunTime({ kind: "math", fn, args: args.map(expressionOf) }, "number", result);
}

/** Whether two expressions say the same of the same variables. */
export const sameExpression = (a: HostExpression, b: HostExpression): boolean => {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  const [left, right] = [a as unknown as Record<string, unknown>, b as unknown as Record<string, unknown>];
  return Object.keys(left).every((key) => {
    const [x, y] = [left[key], right[key]];
    if (key === "variable" || typeof x !== "object" || x === null) return Object.is(x, y);
    if (Array.isArray(x))
      return Array.isArray(y) && x.length === y.length && x.every((item, i) => sameExpression(item, y[i]));
    return sameExpression(x as HostExpression, y as HostExpression);
  });
};
