// Elementwise ops of one operand. Gradients are written with other elementwise ops, of the operand or, where that is
// cheaper, of the result.
import type { LogicalValue } from "../ir/graph.js";
import { apply, constant, type Scalar, type ScalarFunction } from "../ir/kernel.js";
import type { DType } from "../ir/tensor-type.js";
import { constantLike } from "./creation.js";
import { defineElementwise, type Elementwise, floatsOnly, masksOnly, numbersOnly } from "./elementwise.js";
import { add, div, less, mul, select, sub } from "./elementwise-binary.js";
import type { Emitter, Sample } from "./op.js";
import { emitOne } from "./record.js";

/** Arithmetic on values of one shape, for writing gradients as formulas. */
export const arithmetic = (g: Emitter) => {
  const one = (op: Elementwise, ...operands: LogicalValue[]): LogicalValue => emitOne(g, op, operands, {});
  return {
    apply: one,
    plus: (a: LogicalValue, b: LogicalValue) => one(add, a, b),
    minus: (a: LogicalValue, b: LogicalValue) => one(sub, a, b),
    times: (a: LogicalValue, b: LogicalValue) => one(mul, a, b),
    over: (a: LogicalValue, b: LogicalValue) => one(div, a, b),
    number: (like: LogicalValue, value: number) => constantLike(g, like, value),
    scaled: (a: LogicalValue, by: number) => one(mul, a, constantLike(g, a, by)),
    shifted: (a: LogicalValue, by: number) => one(add, a, constantLike(g, a, by)),
  };
};
type Arithmetic = ReturnType<typeof arithmetic>;

interface Unary {
  readonly value: (x: number) => number;
  readonly scalar: (x: Scalar) => Scalar;
  /** The derivative times `outer`; null where it is zero everywhere. */
  readonly gradient: ((c: Arithmetic, outer: LogicalValue, x: LogicalValue, y: LogicalValue) => LogicalValue) | null;
  readonly dtypes?: (dtypes: readonly DType[]) => readonly DType[];
  readonly linear?: boolean;
  readonly flops?: number;
  readonly sample?: Partial<Sample<Record<never, never>>>;
}
const unary = (name: string, { value, scalar, gradient, dtypes, linear, flops, sample }: Unary): Elementwise =>
  defineElementwise({
    name,
    numInputs: 1,
    value: (x) => value(x!),
    scalar: (x) => scalar(x!),
    dtypes: dtypes ?? floatsOnly(name),
    linear: linear ? [[0]] : [],
    flops: flops ?? 1,
    gradient: (g, outer, [x], y) =>
      gradient === null || x!.type.dtype === "i32" ? [null] : [gradient(arithmetic(g), outer, x!, y)],
    ...(sample ? { sample } : {}),
  });
const fn =
  (name: ScalarFunction) =>
  (x: Scalar): Scalar =>
    apply(name, x);
const positive = { positive: [0] };

export const neg = unary("neg", {
  value: (x) => -x,
  scalar: fn("neg"),
  gradient: (c, outer) => c.apply(neg, outer),
  dtypes: numbersOnly("neg"),
  linear: true,
});
export const abs = unary("abs", {
  value: Math.abs,
  scalar: fn("abs"),
  gradient: (c, outer, x) => c.times(outer, c.apply(sign, x)),
  dtypes: numbersOnly("abs"),
});
export const sign = unary("sign", {
  value: Math.sign,
  scalar: fn("sign"),
  gradient: null,
  dtypes: numbersOnly("sign"),
});
export const exp = unary("exp", {
  value: Math.exp,
  scalar: fn("exp"),
  gradient: (c, outer, _, y) => c.times(outer, y),
  flops: 12,
});
export const log = unary("log", {
  value: Math.log,
  scalar: fn("log"),
  gradient: (c, outer, x) => c.over(outer, x),
  flops: 12,
  sample: positive,
});
export const log1p = unary("log1p", {
  value: Math.log1p,
  scalar: (x) => {
    const rounded = apply("add", constant(1), x);
    const lost = apply("sub", apply("sub", rounded, constant(1)), x);
    return apply("sub", apply("log", rounded), apply("div", lost, rounded));
  },
  gradient: (c, outer, x) => c.over(outer, c.shifted(x, 1)),
  flops: 16,
  sample: positive,
});
export const sqrt = unary("sqrt", {
  value: Math.sqrt,
  scalar: fn("sqrt"),
  gradient: (c, outer, _, y) => c.over(c.scaled(outer, 0.5), y),
  flops: 4,
  sample: positive,
});
/** d(x^-1/2) = -1/2 y³. */
export const rsqrt = unary("rsqrt", {
  value: (x) => 1 / Math.sqrt(x),
  scalar: fn("rsqrt"),
  gradient: (c, outer, _, y) => c.times(c.scaled(outer, -0.5), c.times(y, c.times(y, y))),
  flops: 6,
  sample: positive,
});
export const reciprocal = unary("reciprocal", {
  value: (x) => 1 / x,
  scalar: (x) => apply("div", constant(1), x),
  gradient: (c, outer, _, y) => c.apply(neg, c.times(outer, c.times(y, y))),
  flops: 4,
  sample: positive,
});
export const square = unary("square", {
  value: (x) => x * x,
  scalar: (x) => apply("mul", x, x),
  gradient: (c, outer, x) => c.times(c.scaled(outer, 2), x),
});
export const sin = unary("sin", {
  value: Math.sin,
  scalar: fn("sin"),
  gradient: (c, outer, x) => c.times(outer, c.apply(cos, x)),
  flops: 15,
});
export const cos = unary("cos", {
  value: Math.cos,
  scalar: fn("cos"),
  gradient: (c, outer, x) => c.apply(neg, c.times(outer, c.apply(sin, x))),
  flops: 15,
});
export const tanh = unary("tanh", {
  value: Math.tanh,
  scalar: fn("tanh"),
  gradient: (c, outer, _, y) => c.minus(outer, c.times(outer, c.times(y, y))),
  flops: 15,
});
/** d erf(x) = 2/sqrt(pi) exp(-x²). */
export const erf = unary("erf", {
  value: erfOf,
  scalar: fn("erf"),
  gradient: (c, outer, x) =>
    c.times(c.scaled(outer, 2 / Math.sqrt(Math.PI)), c.apply(exp, c.apply(neg, c.times(x, x)))),
  flops: 20,
});
export const floor = unary("floor", { value: Math.floor, scalar: fn("floor"), gradient: null });
export const sigmoid = unary("sigmoid", {
  value: (x) => 1 / (1 + Math.exp(-x)),
  scalar: fn("sigmoid"),
  gradient: (c, outer, _, y) => c.times(outer, c.minus(y, c.times(y, y))),
  flops: 15,
});
export const relu = unary("relu", {
  value: (x) => Math.max(x, 0),
  scalar: (x) => apply("max", x, constant(0)),
  gradient: (c, outer, _, y) => {
    const zero = c.number(outer, 0);
    return c.apply(select, c.apply(less, c.number(y, 0), y), outer, zero);
  },
});
/** x sigmoid(x); d = s (1 + x (1 - s)). */
export const silu = unary("silu", {
  value: (x) => x / (1 + Math.exp(-x)),
  scalar: (x) => apply("mul", x, apply("sigmoid", x)),
  gradient: (c, outer, x) => {
    const s = c.apply(sigmoid, x);
    return c.times(outer, c.times(s, c.shifted(c.times(x, c.shifted(c.apply(neg, s), 1)), 1)));
  },
  flops: 16,
});
/** x Phi(x); d = Phi(x) + x phi(x). Hendrycks and Gimpel 2016. */
export const gelu = unary("gelu", {
  value: (x) => 0.5 * x * (1 + erfOf(x * Math.SQRT1_2)),
  scalar: (x) =>
    apply(
      "mul",
      apply("mul", constant(0.5), x),
      apply("add", constant(1), apply("erf", apply("mul", x, constant(Math.SQRT1_2)))),
    ),
  gradient: (c, outer, x) => {
    const phi = c.scaled(c.apply(exp, c.scaled(c.times(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    const share = c.scaled(c.shifted(c.apply(erf, c.scaled(x, Math.SQRT1_2)), 1), 0.5);
    return c.times(outer, c.plus(share, c.times(x, phi)));
  },
  flops: 24,
});
const bend = Math.sqrt(2 / Math.PI);
/** 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x³): GPT-2's approximation. */
export const geluTanh = unary("geluTanh", {
  value: (x) => 0.5 * x * (1 + Math.tanh(bend * (x + 0.044715 * x ** 3))),
  scalar: (x) => {
    const cube = apply("mul", apply("mul", x, x), x);
    const u = apply("mul", constant(bend), apply("add", x, apply("mul", constant(0.044715), cube)));
    return apply("mul", apply("mul", constant(0.5), x), apply("add", constant(1), apply("tanh", u)));
  },
  gradient: (c, outer, x) => {
    const squared = c.times(x, x);
    const t = c.apply(tanh, c.times(c.scaled(x, bend), c.shifted(c.scaled(squared, 0.044715), 1)));
    const slope = c.scaled(c.shifted(c.scaled(squared, 3 * 0.044715), 1), 0.5 * bend);
    const inner = c.times(c.times(x, c.shifted(c.apply(neg, c.times(t, t)), 1)), slope);
    return c.times(outer, c.plus(c.scaled(c.shifted(t, 1), 0.5), inner));
  },
  flops: 26,
});
export const not = unary("not", {
  value: (x) => (x === 0 ? 1 : 0),
  scalar: fn("not"),
  gradient: null,
  dtypes: masksOnly("not"),
  sample: { below: { 0: 2 } },
});

/** erf by its Taylor series near 0 and the continued fraction of erfc elsewhere: full double precision. */
export function erfOf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? Number.NaN : Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-18; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}
