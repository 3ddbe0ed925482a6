// Layer and RMS normalisation over the last dim, without weight and bias: those are elementwise ops behind them.
// Backward reads the normalised result and 1/deviation alone, so the operand need not be kept.
import type { LogicalValue } from "../ir/graph.js";
import { apply, constant, extent, input, named, type Scalar } from "../ir/kernel.js";
import type { NdArray } from "../ir/nd.js";
import { isFloat } from "../ir/tensor-type.js";
import { dimLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { emitOne, fillArray, ofAnyRank, perElement, plain } from "./record.js";

interface Norm {
  readonly eps: number;
}

const rows = (numDims: number): { whole: string; kept: string; outer: readonly string[]; inner: string } => {
  const letters = dimLetters(numDims);
  const inner = letters.at(-1)!;
  const outer = letters.slice(0, -1);
  return { whole: `${outer.join("")}[${inner}]`, kept: outer.join(""), outer, inner };
};
const floats = (name: string, numInputs: number) => (dtypes: readonly string[]) => {
  if (dtypes.slice(0, numInputs).some((dtype) => dtype !== "f32" && dtype !== "bf16"))
    throw new OperandError(`${name} takes floats, not ${dtypes.join(" and ")}`);
};
const mean = (total: Scalar, letter: string): Scalar => apply("div", total, extent(letter));

/** Each row by a function of the row: results of the row's size, and numbers per row. */
function byRow(
  x: NdArray,
  perRow: (row: Float64Array) => { values: (i: number) => number; numbers: readonly number[] },
) {
  const size = x.shape.at(-1)!;
  const kept = x.shape.slice(0, -1);
  const y = new Float64Array(x.data.length);
  const numbers: number[][] = [];
  for (let start = 0; start < x.data.length; start += size) {
    const result = perRow(x.data.subarray(start, start + size));
    for (let i = 0; i < size; i++) y[start + i] = result.values(i);
    numbers.push([...result.numbers]);
  }
  const column = (c: number): NdArray => fillArray(kept, (i) => numbers[i]![c]!);
  return { y: { shape: x.shape, data: y }, column };
}

/** y = (x - mean) / sqrt(variance + eps), mean, rstd. Ba et al. 2016. */
export const layerNorm: Op<Norm> = {
  ...plain,
  ...ofAnyRank,
  name: "layerNorm",
  factors: ([x]) => {
    const { whole, kept } = rows(x!.length);
    return `${whole}->${whole},${kept},${kept}`;
  },
  dtypes: (dtypes) => {
    floats("layerNorm", 1)(dtypes);
    return [dtypes[0]!, "f32", "f32"];
  },
  check: ([x]) => {
    if (x!.shape.length === 0) throw new OperandError("layerNorm needs a dim");
  },
  gradient: (g, [y, meanGradient, rstdGradient], _, [normalized, , rstd]) => {
    if (meanGradient || rstdGradient) throw new Error("layerNorm's statistics are for its gradient alone");
    return [y ? emitOne(g, layerNormGradient, [y, normalized!, rstd!], {}) : null];
  },
  precision: "full",
  cost: perElement(8),
  reference: ([x], { eps }) => {
    const { y, column } = byRow(x!, (row) => {
      const average = row.reduce((a, b) => a + b, 0) / row.length;
      const variance = row.reduce((a, b) => a + (b - average) ** 2, 0) / row.length;
      const rstd = 1 / Math.sqrt(variance + eps);
      return { values: (i) => (row[i]! - average) * rstd, numbers: [average, rstd] };
    });
    return [y, column(0), column(1)];
  },
  lower: ([x], _, { eps }) => {
    const { outer, inner } = rows(x!.shape.length);
    const centred = apply("sub", input(0), named("mean"));
    return {
      kind: "loops",
      body: {
        outer,
        inner: [inner],
        passes: [
          { kind: "reduce", name: "total", by: "sum", of: input(0) },
          { kind: "let", name: "mean", value: mean(named("total"), inner) },
          { kind: "reduce", name: "squares", by: "sum", of: apply("mul", centred, centred) },
          {
            kind: "let",
            name: "rstd",
            value: apply("rsqrt", apply("add", mean(named("squares"), inner), constant(eps))),
          },
          { kind: "store", output: 0, over: "all", value: apply("mul", centred, named("rstd")) },
          { kind: "store", output: 1, over: "outer", value: named("mean") },
          { kind: "store", output: 2, over: "outer", value: named("rstd") },
        ],
      },
    };
  },
  samples: [
    { shapes: [[3, 5]], attrs: { eps: 1e-5 } },
    { shapes: [[2, 2, 4]], attrs: { eps: 1e-3 } },
  ],
};

/** What both gradients share: rows of the outer gradient, the normalised rows and rstd. */
const gradientRecord = (name: string, isCentred: boolean): Op<Record<never, never>> => ({
  ...plain,
  name,
  factors: ([x]) => {
    const { whole, kept } = rows(x!.length);
    return `${whole},${whole},${kept}->${whole}`;
  },
  dtypes: (dtypes) => {
    floats(name, 3)(dtypes);
    return [dtypes[0]!];
  },
  linear: () => [[0]],
  gradient: (_, [outer]): readonly (LogicalValue | null)[] => {
    if (outer) throw new OperandError(`second derivatives through ${name} are not supported`);
    return [null, null, null];
  },
  precision: "full",
  cost: perElement(8),
  reference: ([outer, y, rstd]) => {
    const size = y!.shape.at(-1)!;
    let row = -1;
    const { y: result } = byRow(outer!, (g) => {
      row++;
      const own = y!.data.subarray(row * size, (row + 1) * size);
      const average = isCentred ? g.reduce((a, b) => a + b, 0) / size : 0;
      const along = g.reduce((a, b, i) => a + b * own[i]!, 0) / size;
      const scale = rstd!.data[row]!;
      return { values: (i) => scale * (g[i]! - average - own[i]! * along), numbers: [] };
    });
    return [result];
  },
  lower: ([x]) => {
    const { outer, inner } = rows(x!.shape.length);
    const centred = isCentred ? apply("sub", input(0), named("average")) : input(0);
    return {
      kind: "loops",
      body: {
        outer,
        inner: [inner],
        passes: [
          ...(isCentred
            ? ([
                { kind: "reduce", name: "total", by: "sum", of: input(0) },
                { kind: "let", name: "average", value: mean(named("total"), inner) },
              ] as const)
            : []),
          { kind: "reduce", name: "product", by: "sum", of: apply("mul", input(0), input(1)) },
          { kind: "let", name: "along", value: mean(named("product"), inner) },
          {
            kind: "store",
            output: 0,
            over: "all",
            value: apply("mul", input(2), apply("sub", centred, apply("mul", input(1), named("along")))),
          },
        ],
      },
    };
  },
  samples: [
    { shapes: [[3, 5], [3, 5], [3]], attrs: {} },
    {
      shapes: [
        [2, 2, 4],
        [2, 2, 4],
        [2, 2],
      ],
      attrs: {},
    },
  ],
});

/** dx = rstd (g - mean(g) - y mean(g y)). */
export const layerNormGradient = gradientRecord("layerNormGradient", true);
/** dx = rstd (g - y mean(g y)). */
export const rmsNormGradient = gradientRecord("rmsNormGradient", false);

/** y = x / sqrt(mean(x²) + eps), rstd. Zhang and Sennrich 2019. */
export const rmsNorm: Op<Norm> = {
  ...plain,
  ...ofAnyRank,
  name: "rmsNorm",
  factors: ([x]) => {
    const { whole, kept } = rows(x!.length);
    return `${whole}->${whole},${kept}`;
  },
  dtypes: (dtypes) => {
    floats("rmsNorm", 1)(dtypes);
    return [dtypes[0]!, "f32"];
  },
  check: ([x]) => {
    if (x!.shape.length === 0 || !isFloat(x!.dtype)) throw new OperandError("rmsNorm needs a dim of floats");
  },
  gradient: (g, [y, rstdGradient], _, [normalized, rstd]) => {
    if (rstdGradient) throw new Error("rmsNorm's statistics are for its gradient alone");
    return [y ? emitOne(g, rmsNormGradient, [y, normalized!, rstd!], {}) : null];
  },
  precision: "full",
  cost: perElement(6),
  reference: ([x], { eps }) => {
    const { y, column } = byRow(x!, (row) => {
      const rstd = 1 / Math.sqrt(row.reduce((a, b) => a + b * b, 0) / row.length + eps);
      return { values: (i) => row[i]! * rstd, numbers: [rstd] };
    });
    return [y, column(0)];
  },
  lower: ([x], _, { eps }) => {
    const { outer, inner } = rows(x!.shape.length);
    return {
      kind: "loops",
      body: {
        outer,
        inner: [inner],
        passes: [
          { kind: "reduce", name: "squares", by: "sum", of: apply("mul", input(0), input(0)) },
          {
            kind: "let",
            name: "rstd",
            value: apply("rsqrt", apply("add", mean(named("squares"), inner), constant(eps))),
          },
          { kind: "store", output: 0, over: "all", value: apply("mul", input(0), named("rstd")) },
          { kind: "store", output: 1, over: "outer", value: named("rstd") },
        ],
      },
    };
  },
  samples: [
    { shapes: [[3, 5]], attrs: { eps: 1e-6 } },
    { shapes: [[2, 2, 4]], attrs: { eps: 1e-3 } },
  ],
};
