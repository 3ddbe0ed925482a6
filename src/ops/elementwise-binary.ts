// Elementwise ops of two and three operands: arithmetic, comparisons, masks, choice.
import type { LogicalValue } from "../ir/graph.js";
import { apply } from "../ir/kernel.js";
import { isFloat } from "../ir/tensor-type.js";
import { constantLike } from "./creation.js";
import { defineElementwise, type Elementwise, floatsOnly, masksOnly, numbersOnly, toMask } from "./elementwise.js";
import { log, neg } from "./elementwise-unary.js";
import { type Emitter, OperandError } from "./op.js";
import { emitOne } from "./record.js";

const two = (g: Emitter, op: Elementwise, a: LogicalValue, b: LogicalValue): LogicalValue => emitOne(g, op, [a, b], {});
const differentiable = (x: LogicalValue): boolean => isFloat(x.type.dtype);
const zeroIfInteger =
  (
    gradients: (
      g: Emitter,
      outer: LogicalValue,
      inputs: readonly LogicalValue[],
      output: LogicalValue,
    ) => readonly (LogicalValue | null)[],
  ) =>
  (
    g: Emitter,
    outer: LogicalValue,
    inputs: readonly LogicalValue[],
    output: LogicalValue,
  ): readonly (LogicalValue | null)[] =>
    differentiable(inputs[0]!) ? gradients(g, outer, inputs, output) : inputs.map(() => null);
/** `gradient` where `mask` is true, else 0. */
const masked = (g: Emitter, mask: LogicalValue, gradient: LogicalValue): LogicalValue =>
  emitOne(g, select, [mask, gradient, constantLike(g, gradient, 0)], {});

export const add = defineElementwise({
  name: "add",
  shortcut: (a, b) => (a === 0 ? 1 : b === 0 ? 0 : null),
  numInputs: 2,
  value: (a, b) => a! + b!,
  scalar: (a, b) => apply("add", a!, b!),
  dtypes: numbersOnly("add"),
  linear: [[0, 1]],
  gradient: zeroIfInteger((_, outer) => [outer, outer]),
});

export const sub = defineElementwise({
  name: "sub",
  shortcut: (_, b) => (b === 0 ? 0 : null),
  numInputs: 2,
  value: (a, b) => a! - b!,
  scalar: (a, b) => apply("sub", a!, b!),
  dtypes: numbersOnly("sub"),
  linear: [[0, 1]],
  gradient: zeroIfInteger((g, outer) => [outer, emitOne(g, neg, [outer], {})]),
});

export const mul = defineElementwise({
  name: "mul",
  shortcut: (a, b) => (a === 1 ? 1 : b === 1 ? 0 : null),
  numInputs: 2,
  value: (a, b) => a! * b!,
  scalar: (a, b) => apply("mul", a!, b!),
  dtypes: numbersOnly("mul"),
  linear: [[0], [1]],
  gradient: zeroIfInteger((g, outer, [a, b]) => [two(g, mul, outer, b!), two(g, mul, outer, a!)]),
});

/** d(a/b) = g / b, -g a / b². */
export const div = defineElementwise({
  name: "div",
  shortcut: (_, b) => (b === 1 ? 0 : null),
  numInputs: 2,
  value: (a, b) => a! / b!,
  scalar: (a, b) => apply("div", a!, b!),
  dtypes: floatsOnly("div"),
  linear: [[0]],
  flops: 4,
  gradient: (g, outer, [, b], output) => {
    const byA = two(g, div, outer, b!);
    return [byA, emitOne(g, neg, [two(g, mul, byA, output)], {})];
  },
  sample: { positive: [1] },
});

export const floorDivide = defineElementwise({
  name: "floorDivide",
  numInputs: 2,
  value: (a, b) => Math.floor(a! / b!),
  scalar: (a, b) => apply("floor", apply("div", a!, b!)),
  dtypes: numbersOnly("floorDivide"),
  gradient: (_, __, inputs) => inputs.map(() => null),
  sample: { positive: [1] },
});

/** The remainder with the divisor's sign: a - b floor(a / b). */
export const remainder = defineElementwise({
  name: "remainder",
  numInputs: 2,
  value: (a, b) => a! - b! * Math.floor(a! / b!),
  scalar: (a, b) => apply("sub", a!, apply("mul", b!, apply("floor", apply("div", a!, b!)))),
  dtypes: numbersOnly("remainder"),
  gradient: zeroIfInteger((g, outer, [a, b]) => [
    outer,
    emitOne(g, neg, [two(g, mul, outer, two(g, floorDivide, a!, b!))], {}),
  ]),
  sample: { positive: [1] },
});

/** Equal operands share the gradient evenly, as in PyTorch. */
const shares = (g: Emitter, outer: LogicalValue, first: LogicalValue, a: LogicalValue, b: LogicalValue) => {
  const half = two(g, mul, outer, constantLike(g, outer, 0.5));
  const equals = two(g, equal, a, b);
  const zero = constantLike(g, outer, 0);
  const byFirst = emitOne(g, select, [equals, half, emitOne(g, select, [first, outer, zero], {})], {});
  const bySecond = emitOne(g, select, [equals, half, emitOne(g, select, [first, zero, outer], {})], {});
  return [byFirst, bySecond];
};

export const maximum = defineElementwise({
  name: "maximum",
  numInputs: 2,
  value: (a, b) => Math.max(a!, b!),
  scalar: (a, b) => apply("max", a!, b!),
  dtypes: numbersOnly("maximum"),
  gradient: zeroIfInteger((g, outer, [a, b]) => shares(g, outer, two(g, less, b!, a!), a!, b!)),
});

export const minimum = defineElementwise({
  name: "minimum",
  numInputs: 2,
  value: (a, b) => Math.min(a!, b!),
  scalar: (a, b) => apply("min", a!, b!),
  dtypes: numbersOnly("minimum"),
  gradient: zeroIfInteger((g, outer, [a, b]) => shares(g, outer, two(g, less, a!, b!), a!, b!)),
});

/** d(a^b) = g b a^(b-1), g a^b ln a. */
export const pow = defineElementwise({
  name: "pow",
  shortcut: (_, b) => (b === 1 ? 0 : null),
  numInputs: 2,
  value: (a, b) => a! ** b!,
  scalar: (a, b) => apply("pow", a!, b!),
  dtypes: floatsOnly("pow"),
  flops: 20,
  gradient: (g, outer, [a, b], output) => {
    const lower = two(g, pow, a!, two(g, sub, b!, constantLike(g, b!, 1)));
    const positive = two(g, less, constantLike(g, a!, 0), a!);
    const byB = two(g, mul, outer, two(g, mul, output, emitOne(g, log, [a!], {})));
    return [two(g, mul, outer, two(g, mul, b!, lower)), masked(g, positive, byB)];
  },
  sample: { positive: [0] },
});

const comparison = (name: string, fn: "less" | "lessEqual" | "equal", holds: (a: number, b: number) => boolean) =>
  defineElementwise({
    name,
    numInputs: 2,
    value: (a, b) => (holds(a!, b!) ? 1 : 0),
    scalar: (a, b) => apply(fn, a!, b!),
    dtypes: toMask(name),
    gradient: () => [null, null],
  });
export const less = comparison("less", "less", (a, b) => a < b);
export const lessEqual = comparison("lessEqual", "lessEqual", (a, b) => a <= b);
export const equal = comparison("equal", "equal", (a, b) => a === b);

export const and = defineElementwise({
  name: "and",
  numInputs: 2,
  value: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  scalar: (a, b) => apply("and", a!, b!),
  dtypes: masksOnly("and"),
  gradient: () => [null, null],
  sample: { below: { 0: 2, 1: 2 } },
});
export const or = defineElementwise({
  name: "or",
  numInputs: 2,
  value: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
  scalar: (a, b) => apply("or", a!, b!),
  dtypes: masksOnly("or"),
  gradient: () => [null, null],
  sample: { below: { 0: 2, 1: 2 } },
});

/** `a` where the mask is true, else `b`. */
export const select = defineElementwise({
  name: "select",
  shortcut: (condition) => (condition === null ? null : condition === 0 ? 2 : 1),
  numInputs: 3,
  value: (condition, a, b) => (condition !== 0 ? a! : b!),
  scalar: (condition, a, b) => apply("select", condition!, a!, b!),
  dtypes: ([condition, a, b]) => {
    if (condition !== "bool" || a !== b)
      throw new OperandError(`select takes a bool mask and two tensors of one type, not ${condition}, ${a} and ${b}`);
    return [a!];
  },
  linear: [[1, 2]],
  gradient: (g, outer, [condition, a]) => {
    if (!differentiable(a!)) return [null, null, null];
    const zero = constantLike(g, outer, 0);
    return [null, emitOne(g, select, [condition!, outer, zero], {}), emitOne(g, select, [condition!, zero, outer], {})];
  },
  sample: { below: { 0: 2 } },
});
