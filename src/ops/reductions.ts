// Sums, maxima and places of maxima over dims. Reduced dims go away; who wants to keep them regroups.
import type { LogicalValue } from "../ir/graph.js";
import { apply, constant, index, input, type KernelBody, named, type Scalar } from "../ir/kernel.js";
import { type DType, isFloat } from "../ir/tensor-type.js";
import { equal, maximum } from "./elementwise-binary.js";
import { arithmetic, exp, log } from "./elementwise-unary.js";
import { dimLetters } from "./factors.js";
import { cast } from "./layout.js";
import { type Emitter, type Op, OperandError } from "./op.js";
import { around, dimsAround, emitOne, fillArray, perElement, plain } from "./record.js";
import { regroup } from "./regroup.js";

interface Dims {
  readonly dims: readonly number[];
}

const without = <T>(list: readonly T[], dims: readonly number[]): readonly T[] =>
  list.filter((_, d) => !dims.includes(d));
const reducing = ([shape]: readonly (readonly number[])[], { dims }: Dims): string => {
  const letters = dimLetters(shape!.length);
  return `${letters.join("")}->${without(letters, dims).join("")}`;
};
/** Of a dim that is reduced all parts are. */
const unmergedDims = <A extends Dims>(attrs: A, letter: string, { length }: readonly number[]): A => {
  const merged = dimOfLetter(letter);
  const dims = attrs.dims.flatMap((dim) =>
    dim === merged ? Array.from({ length }, (_, i) => dim + i) : dimsAround([dim], merged, length)!,
  );
  return { ...attrs, dims };
};
const unmergedDim = <A extends { readonly dim: number }>(attrs: A, letter: string, { length }: readonly number[]) => {
  const [dim] = dimsAround([attrs.dim], dimOfLetter(letter), length) ?? [];
  return dim === undefined ? null : { ...attrs, dim };
};
const dimOfLetter = (letter: string): number => dimLetters(26).indexOf(letter);
const checkDims = (name: string, numDims: number, dims: readonly number[]): void => {
  if (new Set(dims).size !== dims.length || dims.some((dim) => !(dim >= 0 && dim < numDims)))
    throw new OperandError(`${name} over dims [${dims}] of a tensor with ${numDims} dims`);
};

/** The letters that stay and those that are reduced. */
const bodyOf = (numDims: number, dims: readonly number[], passes: KernelBody["passes"]): KernelBody => {
  const letters = dimLetters(numDims);
  return { outer: without(letters, dims), inner: letters.filter((_, d) => dims.includes(d)), passes };
};

/** A value without some dims, spread over them again. */
export function spread(g: Emitter, x: LogicalValue, shape: readonly number[], dims: readonly number[]): LogicalValue {
  if (dims.length === 0) return x;
  const letters = dimLetters(shape.length);
  const sizes = Object.fromEntries(dims.map((d) => [letters[d]!, shape[d]!]));
  return emitOne(g, regroup, [x], { factors: `${without(letters, dims).join("")}->${letters.join("")}`, sizes });
}

/** Elements of the reduced dims one after the other, for each place of the others. */
function reduce(
  x: { readonly shape: readonly number[]; readonly data: Float64Array },
  dims: readonly number[],
  start: number,
  by: (a: number, b: number) => number,
) {
  const kept = without(x.shape, dims);
  const result = fillArray(kept, () => start);
  const steps = new Array<number>(x.shape.length).fill(0);
  let stride = 1;
  for (let d = x.shape.length - 1; d >= 0; d--)
    if (!dims.includes(d)) {
      steps[d] = stride;
      stride *= x.shape[d]!;
    }
  const at = new Array<number>(x.shape.length).fill(0);
  let place = 0;
  for (let i = 0; i < x.data.length; i++) {
    result.data[place] = by(result.data[place]!, x.data[i]!);
    for (let d = x.shape.length - 1; d >= 0; d--) {
      place += steps[d]!;
      if (++at[d]! < x.shape[d]!) break;
      place -= steps[d]! * x.shape[d]!;
      at[d] = 0;
    }
  }
  return result;
}

export const sum: Op<Dims> = {
  ...plain,
  name: "sum",
  factors: reducing,
  unmerge: unmergedDims,
  dtypes: ([dtype]): readonly DType[] => [isFloat(dtype!) ? dtype! : "i32"],
  check: ([type], { dims }) => checkDims("sum", type!.shape.length, dims),
  linear: () => [[0]],
  neutral: () => [{ input: 0, fill: 0 }],
  gradient: (g, [outer], [x], _, { dims }) => [
    outer && isFloat(x!.type.dtype) ? spread(g, outer, x!.type.shape, dims) : null,
  ],
  precision: "full",
  cost: perElement(1),
  reference: ([x], { dims }) => [reduce(x!, dims, 0, (a, b) => a + b)],
  lower: ([x], _, { dims }) => ({
    kind: "loops",
    body: bodyOf(x!.shape.length, dims, [
      { kind: "reduce", name: "total", by: "sum", of: input(0) },
      { kind: "store", output: 0, over: "outer", value: named("total") },
    ]),
  }),
  samples: [
    { shapes: [[3, 4]], attrs: { dims: [1] } },
    { shapes: [[2, 3, 4]], attrs: { dims: [0, 2] } },
    { shapes: [[3, 4]], attrs: { dims: [0, 1] } },
  ],
};

const byMaximum = Object.fromEntries([..."abcdefghijklmnopqrstuvwxyz"].map((letter) => [letter, "max" as const]));

/** The largest element; equal ones share the gradient evenly, as in PyTorch's `amax`. */
export const max: Op<Dims> = {
  ...plain,
  name: "max",
  factors: reducing,
  unmerge: unmergedDims,
  dtypes: ([dtype]) => {
    if (dtype === "bool") throw new OperandError("max takes numbers, not bool");
    return [dtype!];
  },
  check: ([type], { dims }) => checkDims("max", type!.shape.length, dims),
  reduction: byMaximum,
  neutral: () => [{ input: 0, fill: -Infinity }],
  merge:
    () =>
    (g, [a], [b]) => [emitOne(g, maximum, [a!, b!], {})],
  gradient: (g, [outer], [x], [y], { dims }) => {
    if (!outer || !isFloat(x!.type.dtype)) return [null];
    const c = arithmetic(g);
    const { shape, dtype } = x!.type;
    const hits = emitOne(g, cast, [c.apply(equal, x!, spread(g, y!, shape, dims))], { dtype });
    const count = emitOne(g, sum, [hits], { dims });
    return [c.times(hits, spread(g, c.over(outer, count), shape, dims))];
  },
  cost: perElement(1),
  reference: ([x], { dims }) => [reduce(x!, dims, -Infinity, Math.max)],
  lower: ([x], _, { dims }) => ({
    kind: "loops",
    body: bodyOf(x!.shape.length, dims, [
      { kind: "reduce", name: "largest", by: "max", of: input(0) },
      { kind: "store", output: 0, over: "outer", value: named("largest") },
    ]),
  }),
  samples: [
    { shapes: [[3, 4]], attrs: { dims: [1] } },
    { shapes: [[2, 3, 4]], attrs: { dims: [0, 1, 2] } },
  ],
};

const lastBracketed = (numDims: number, dim: number): { whole: string; rest: string } => {
  const letters = dimLetters(numDims);
  return {
    whole: letters.map((letter, d) => (d === dim ? `[${letter}]` : letter)).join(""),
    rest: without(letters, [dim]).join(""),
  };
};

/** The place (i32) of the largest element along `dim`, the first of equal ones. */
export const argmax: Op<{ readonly dim: number }> = {
  ...plain,
  name: "argmax",
  unmerge: unmergedDim,
  factors: ([shape], { dim }) => {
    const { whole, rest } = lastBracketed(shape!.length, dim);
    return `${whole}->${rest}`;
  },
  dtypes: () => ["i32"],
  gradient: () => [null],
  precision: "full",
  cost: perElement(2),
  reference: ([x], { dim }) => {
    const { size, inner } = around(x!.shape, dim);
    return [
      fillArray(without(x!.shape, [dim]), (i) => {
        const start = Math.floor(i / inner) * size * inner + (i % inner);
        let best = 0;
        for (let place = 1; place < size; place++)
          if (x!.data[start + place * inner]! > x!.data[start + best * inner]!) best = place;
        return best;
      }),
    ];
  },
  lower: ([x], _, { dim }) => {
    const letter = dimLetters(x!.shape.length)[dim]!;
    const here: Scalar = apply("neg", index(letter));
    const hit = apply("equal", input(0), named("largest"));
    return {
      kind: "loops",
      body: bodyOf(
        x!.shape.length,
        [dim],
        [
          { kind: "reduce", name: "largest", by: "max", of: input(0) },
          { kind: "reduce", name: "place", by: "max", of: apply("select", hit, here, constant(-2147483648)) },
          { kind: "store", output: 0, over: "outer", value: apply("neg", named("place")) },
        ],
      ),
    };
  },
  samples: [
    { shapes: [[3, 5]], attrs: { dim: 1 } },
    { shapes: [[3, 5]], attrs: { dim: 0 } },
  ],
};

/** log(sum(exp(x))) along `dim`, with the maximum taken out. */
export const logsumexp: Op<{ readonly dim: number }> = {
  ...plain,
  name: "logsumexp",
  unmerge: unmergedDim,
  factors: ([shape], { dim }) => {
    const { whole, rest } = lastBracketed(shape!.length, dim);
    return `${whole}->${rest}`;
  },
  dtypes: ([dtype]) => {
    if (!isFloat(dtype!)) throw new OperandError(`logsumexp takes floats, not ${dtype}`);
    return [dtype!];
  },
  apart:
    () =>
    (g, [x], { dim }) => {
      const c = arithmetic(g);
      const largest = emitOne(g, max, [x!], { dims: [dim] });
      const scaled = c.apply(exp, c.minus(x!, spread(g, largest, x!.type.shape, [dim])));
      return [c.plus(largest, c.apply(log, emitOne(g, sum, [scaled], { dims: [dim] })))];
    },
  merge:
    () =>
    (g, [a], [b]) => {
      const c = arithmetic(g);
      const top = c.apply(maximum, a!, b!);
      return [c.plus(top, c.apply(log, c.plus(c.apply(exp, c.minus(a!, top)), c.apply(exp, c.minus(b!, top)))))];
    },
  gradient: (g, [outer], [x], [y], { dim }) => {
    if (!outer) return [null];
    const c = arithmetic(g);
    const share = c.apply(exp, c.minus(x!, spread(g, y!, x!.type.shape, [dim])));
    return [c.times(spread(g, outer, x!.type.shape, [dim]), share)];
  },
  precision: "full",
  cost: perElement(14),
  reference: ([x], { dim }) => {
    const largest = reduce(x!, [dim], -Infinity, Math.max);
    const { size, inner } = around(x!.shape, dim);
    const scaled = fillArray(x!.shape, (i) => {
      const row = Math.floor(i / inner / size) * inner + (i % inner);
      return Math.exp(x!.data[i]! - largest.data[row]!);
    });
    const total = reduce(scaled, [dim], 0, (a, b) => a + b);
    return [fillArray(total.shape, (i) => largest.data[i]! + Math.log(total.data[i]!))];
  },
  lower: ([x], _, { dim }) => ({
    kind: "loops",
    body: bodyOf(
      x!.shape.length,
      [dim],
      [
        { kind: "reduce", name: "largest", by: "max", of: input(0) },
        { kind: "reduce", name: "total", by: "sum", of: apply("exp", apply("sub", input(0), named("largest"))) },
        {
          kind: "store",
          output: 0,
          over: "outer",
          value: apply("add", named("largest"), apply("log", named("total"))),
        },
      ],
    ),
  }),
  samples: [
    { shapes: [[3, 5]], attrs: { dim: 1 } },
    { shapes: [[3, 2, 2]], attrs: { dim: 0 } },
  ],
};
