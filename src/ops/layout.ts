// Ops that move elements without computing: slices, paddings, side by side, other element types, marks.
import { apply, constant, index, input, type Scalar } from "../ir/kernel.js";
import { type DType, isFloat } from "../ir/tensor-type.js";
import { elementwiseBody } from "./elementwise.js";
import { dimLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { around, emitOne, fillArray, free, ofAnyRank, perElement, plain } from "./record.js";

const same = ([dtype]: readonly DType[]): readonly DType[] => [dtype!];

/** The same numbers, as a constant of the loss. */
export const stopGradient: Op<Record<never, never>> = {
  ...plain,
  ...ofAnyRank,
  name: "stopGradient",
  stopsGradient: true,
  // Gradients are made by then.
  shortcut: () => ({ input: 0 }),
  factors: ([shape]) => `${dimLetters(shape!.length).join("")}->${dimLetters(shape!.length).join("")}`,
  dtypes: same,
  linear: () => [[0]],
  gradient: () => [null],
  cost: free,
  reference: ([x]) => [x!],
  lower: () => ({ kind: "regroup" }),
  samples: [
    { shapes: [[2, 3]], attrs: {} },
    { shapes: [[]], attrs: {} },
  ],
};

/** The mark of what `GeneratedDataset` computes: samples along dim 0. */
export const batchMark = "batch";

/** The mark of what no plan names: it lies as it comes. */
export const passingMark = "";

/** The same numbers, lying where a plan says for `name`. Its gradient wants to lie as the operand does, not as the result. */
export const mark: Op<{
  readonly name: string;
  /** By dim of the plan, the dim here. Absent: the same. */
  readonly places?: readonly number[];
}> = {
  ...stopGradient,
  name: "mark",
  stopsGradient: false,
  gradient: (g, [outer]) => [outer ? emitOne(g, mark, [outer], { name: passingMark }) : null],
  shortcut: () => null,
  absorb: () => null,
  widen: () => null,
  mark: ({ name }) => name,
  markedDim: ({ places }, dim) => places?.[dim] ?? dim,
  // A merged dim is split as the outermost of its parts is.
  unmerge: ({ name, places }, letter, { length }, [shape]) => {
    const merged = dimLetters(shape!.length).indexOf(letter);
    const before = places ?? shape!.map((_, dim) => dim);
    return { name, places: before.map((dim) => (dim <= merged ? dim : dim + length - 1)) };
  },
  samples: [
    { shapes: [[2, 3]], attrs: { name: batchMark } },
    { shapes: [[]], attrs: { name: batchMark } },
  ],
};

/**
 * The dim whose size changes keeps its letter where the places of the shorter one are the first and most of the longer
 * one's: then each rank goes on with the places that it has. Else it becomes another letter, and is dealt anew.
 */
const keepsLetter = (isFirst: boolean, shorter: number, longer: number): boolean => isFirst && 2 * shorter > longer;
const changedDim = (numDims: number, dim: number, keeps: boolean): string => {
  const letters = dimLetters(numDims);
  const term = (changed: string): string => letters.map((letter, d) => (d === dim ? changed : letter)).join("");
  const own = letters[dim]!;
  return keeps ? `${term(own)}->${term(own)}` : `${term(`[${own}]`)}->${term("[z]")}`;
};
const letterOf = (dim: number): string => dimLetters(dim + 1)[dim]!;

interface SliceAttributes {
  readonly dim: number;
  readonly start: number;
  readonly count: number;
  readonly step: number;
  /** The size of `dim` before. */
  readonly size: number;
}
const sliceKeeps = ({ start, step, count, size }: SliceAttributes): boolean =>
  keepsLetter(start === 0 && step === 1, count, size);

/** `count` places of `dim` from `start`, `step` apart. */
export const slice: Op<SliceAttributes> = {
  ...plain,
  name: "slice",
  shortcut: ([number], [x], { dim, count }) =>
    x!.shape[dim] === count ? { input: 0 } : number == null ? null : { constant: number },
  factors: ([shape], attrs) => changedDim(shape!.length, attrs.dim, sliceKeeps(attrs)),
  sizes: (attrs) => (sliceKeeps(attrs) ? {} : { z: attrs.count }),
  resized: (attrs) => (sliceKeeps(attrs) ? { [letterOf(attrs.dim)]: attrs.count } : {}),
  localize: (attrs) =>
    sliceKeeps(attrs)
      ? (["count", "size"] as const).map((path) => ({ path, letter: letterOf(attrs.dim), take: "count" }))
      : [],
  dtypes: same,
  check: ([type], { dim, start, count, step, size }) => {
    if (type!.shape[dim] !== size)
      throw new OperandError(`slice takes ${size} places of dim ${dim}, not ${type!.shape[dim]}`);
    if (!(start >= 0 && count >= 0 && step >= 1 && (count === 0 || start + (count - 1) * step < size)))
      throw new OperandError(`${count} places from ${start} are not all within dim ${dim} of size ${size}`);
  },
  linear: () => [[0]],
  gradient: (g, [outer], _, __, { dim, start, count, step, size }) => [
    outer ? emitOne(g, pad, [outer], { dim, before: start, inner: step - 1, count, size, value: 0 }) : null,
  ],
  cost: free,
  reference: ([x], { dim, start, count, step }) => {
    const { size, inner } = around(x!.shape, dim);
    const shape = x!.shape.map((n, d) => (d === dim ? count : n));
    return [
      fillArray(shape, (i) => {
        const place = Math.floor(i / inner) % count;
        return x!.data[(Math.floor(i / inner / count) * size + start + place * step) * inner + (i % inner)]!;
      }),
    ];
  },
  lower: (_, __, { dim, start, step }) => ({ kind: "slice", dim, start, step }),
  samples: [
    { shapes: [[4, 5]], attrs: { dim: 1, start: 1, count: 3, step: 1, size: 5 } },
    { shapes: [[2, 5]], attrs: { dim: 1, start: 0, count: 4, step: 1, size: 5 } },
    { shapes: [[7]], attrs: { dim: 0, start: 0, count: 3, step: 3, size: 7 } },
  ],
};

interface PadAttributes {
  readonly dim: number;
  readonly before: number;
  readonly inner: number;
  readonly count: number;
  /** The size of `dim` afterwards. */
  readonly size: number;
  readonly value: number;
}
/** Zeros alone: a rank hands on its own padding, cleared, as what is added. */
const padKeeps = ({ before, inner, count, size, value }: PadAttributes): boolean =>
  value === 0 && keepsLetter(before === 0 && inner === 0, count, size);

/** `value` before, after and (`inner` of it) between the `count` places of `dim`. */
export const pad: Op<PadAttributes> = {
  ...plain,
  name: "pad",
  factors: ([shape], attrs) => changedDim(shape!.length, attrs.dim, padKeeps(attrs)),
  sizes: (attrs) => (padKeeps(attrs) ? {} : { z: attrs.size }),
  resized: (attrs) => (padKeeps(attrs) ? { [letterOf(attrs.dim)]: attrs.size } : {}),
  localize: (attrs) =>
    padKeeps(attrs)
      ? (["count", "size"] as const).map((path) => ({ path, letter: letterOf(attrs.dim), take: "count" }))
      : [],
  dtypes: same,
  check: ([type], { dim, before, inner, count, size }) => {
    if (count !== type!.shape[dim])
      throw new OperandError(`pad counts ${count} places of dim ${dim}, not ${type!.shape[dim]}`);
    const after = size - before - count - inner * (count - 1);
    if (!(before >= 0 && after >= 0 && inner >= 0)) throw new OperandError(`pad cannot add ${before}, ${after} places`);
  },
  linear: (_, { value }) => (value === 0 ? [[0]] : []),
  gradient: (g, [outer], _, __, { dim, before, inner, count, size }) => [
    outer ? emitOne(g, slice, [outer], { dim, start: before, count, step: inner + 1, size }) : null,
  ],
  cost: perElement(0),
  reference: ([x], { dim, before, inner, count, size, value }) => {
    const shape = x!.shape.map((n, d) => (d === dim ? size : n));
    const { inner: inside } = around(shape, dim);
    return [
      fillArray(shape, (i) => {
        const place = (Math.floor(i / inside) % size) - before;
        const from = place / (inner + 1);
        if (!(place >= 0 && from < count && Number.isInteger(from))) return value;
        return x!.data[(Math.floor(i / inside / size) * count + from) * inside + (i % inside)]!;
      }),
    ];
  },
  lower: ([x], [output], attrs) => {
    const { dim, before, inner, count, value } = attrs;
    const own = padKeeps(attrs) ? letterOf(dim) : "z";
    const letters = dimLetters(x!.shape.length).map((letter, d) => (d === dim ? own : letter));
    const place = apply("sub", index(own), constant(before));
    const from = inner === 0 ? place : apply("floor", apply("div", place, constant(inner + 1)));
    const inside = apply("and", apply("lessEqual", constant(0), place), apply("less", from, constant(count)));
    const hits =
      inner === 0 ? inside : apply("and", inside, apply("equal", apply("mul", from, constant(inner + 1)), place));
    const element = input(
      0,
      letters.map((letter, d) => (d === dim ? from : index(letter))),
    );
    const store = apply("select", hits, element, constant(value));
    const body = elementwiseBody(output!.shape.length, store);
    return { kind: "loops", body: { ...body, outer: letters } };
  },
  samples: [
    { shapes: [[2, 3]], attrs: { dim: 1, before: 1, inner: 0, count: 3, size: 6, value: 0 } },
    { shapes: [[2, 3]], attrs: { dim: 1, before: 0, inner: 0, count: 3, size: 4, value: 0 } },
    { shapes: [[3]], attrs: { dim: 0, before: 0, inner: 2, count: 3, size: 8, value: 0 } },
    { shapes: [[3]], attrs: { dim: 0, before: 1, inner: 0, count: 3, size: 4, value: -2 } },
  ],
};

/** Operands side by side along `dim`; `counts` are their sizes there. */
export const concat: Op<{ readonly dim: number; readonly counts: readonly number[] }> = {
  ...plain,
  name: "concat",
  factors: (shapes, { dim }) => {
    const letters = dimLetters(shapes[0]!.length);
    const term = (changed: string): string =>
      letters.map((letter, d) => (d === dim ? `[${changed}]` : letter)).join("");
    return `${shapes.map((_, i) => term(String.fromCharCode(65 + i))).join(",")}->${term("z")}`;
  },
  sizes: ({ counts }) => ({ z: counts.reduce((a, b) => a + b, 0) }),
  dtypes: (dtypes) => {
    if (dtypes.some((dtype) => dtype !== dtypes[0]))
      throw new OperandError(`concat takes tensors of one type, not ${dtypes.join(" and ")}`);
    return [dtypes[0]!];
  },
  check: (types, { dim, counts }) => {
    if (types.length > 26) throw new OperandError(`concat takes at most 26 tensors at once, not ${types.length}`);
    if (types.some(({ shape }, i) => shape[dim] !== counts[i])) throw new OperandError("concat's counts do not fit");
  },
  linear: (numInputs) => [Array.from({ length: numInputs }, (_, i) => i)],
  gradient: (g, [outer], inputs, _, { dim, counts }) => {
    const size = counts.reduce((a, b) => a + b, 0);
    let start = 0;
    return inputs.map((_unused, i) => {
      const count = counts[i]!;
      start += count;
      return outer ? emitOne(g, slice, [outer], { dim, start: start - count, count, step: 1, size }) : null;
    });
  },
  cost: perElement(0),
  reference: (inputs, { dim }) => {
    const size = inputs.reduce((n, { shape }) => n + shape[dim]!, 0);
    const shape = inputs[0]!.shape.map((n, d) => (d === dim ? size : n));
    const { outer, inner } = around(shape, dim);
    const data = new Float64Array(outer * size * inner);
    let start = 0;
    for (const part of inputs) {
      const run = part.shape[dim]! * inner;
      for (let o = 0; o < outer; o++) data.set(part.data.subarray(o * run, (o + 1) * run), o * size * inner + start);
      start += run;
    }
    return [{ shape, data }];
  },
  lower: (inputs, [output], { dim, counts }) => {
    const letters = dimLetters(output!.shape.length).map((letter, d) => (d === dim ? "z" : letter));
    let start = counts.reduce((a, b) => a + b, 0);
    const value = inputs.reduceRight<Scalar | null>((rest, _, i) => {
      start -= counts[i]!;
      const at = letters.map((letter, d) => (d === dim ? apply("sub", index("z"), constant(start)) : index(letter)));
      const element = input(i, at);
      return rest === null
        ? element
        : apply("select", apply("less", index("z"), constant(start + counts[i]!)), element, rest);
    }, null);
    return { kind: "loops", body: { ...elementwiseBody(output!.shape.length, value!), outer: letters } };
  },
  samples: [
    {
      shapes: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      attrs: { dim: 1, counts: [3, 1, 2] },
    },
    { shapes: [[2], [3]], attrs: { dim: 0, counts: [2, 3] } },
  ],
};

/** Another element type: floats become integers by cutting off, anything nonzero becomes true. */
export const cast: Op<{ readonly dtype: DType }> = {
  ...plain,
  ...ofAnyRank,
  name: "cast",
  shortcut: ([number], [x], { dtype }) =>
    x!.dtype === dtype ? { input: 0 } : number == null || !isFloat(dtype) ? null : { constant: number },
  absorb: (before, { dtype }) => {
    const [from] = before.inputs;
    const isExact = from!.dtype === before.output.dtype || (from!.dtype === "bf16" && before.output.dtype === "f32");
    return before.op === cast && isExact ? { dtype } : null;
  },
  factors: ([shape]) => `${dimLetters(shape!.length).join("")}->${dimLetters(shape!.length).join("")}`,
  dtypes: (_, { dtype }) => [dtype],
  linear: (_, { dtype }) => (isFloat(dtype) ? [[0]] : []),
  gradient: (g, [outer], [x]) => [
    outer && isFloat(x!.type.dtype) && isFloat(outer.type.dtype)
      ? emitOne(g, cast, [outer], { dtype: x!.type.dtype })
      : null,
  ],
  cost: perElement(1),
  reference: ([x], { dtype }) => [
    fillArray(x!.shape, (i) => {
      const element = x!.data[i]!;
      if (dtype === "bool") return element !== 0 ? 1 : 0;
      return dtype === "i32" ? Math.trunc(element) : element;
    }),
  ],
  lower: ([x], [output], { dtype }) => {
    const value =
      dtype === "bool"
        ? apply("not", apply("equal", input(0), constant(0)))
        : dtype === "i32"
          ? apply("toInteger", input(0))
          : dtype === "bf16" && x!.dtype !== "bf16"
            ? apply("roundToBf16", input(0))
            : input(0);
    return { kind: "loops", body: elementwiseBody(output!.shape.length, value) };
  },
  samples: [
    { shapes: [[2, 3]], attrs: { dtype: "f32" } },
    { shapes: [[4]], attrs: { dtype: "i32" }, positive: [0] },
    { shapes: [[4]], attrs: { dtype: "bool" }, below: { 0: 2 } },
    { shapes: [[4]], attrs: { dtype: "bf16" }, below: { 0: 200 } },
  ],
};
