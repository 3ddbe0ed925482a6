// Rows and elements picked by index, and the sums that go back to where they were picked. An index outside picks 0.
import type { LogicalValue } from "../ir/graph.js";
import { apply, attribute, constant, index, input, named, type Scalar } from "../ir/kernel.js";
import { isFloat } from "../ir/tensor-type.js";
import { elementwiseBody } from "./elementwise.js";
import { dimLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { around, bytesOf, emitOne, fillArray, perElement, plain } from "./record.js";

const need = (name: string, dtype: string | undefined): void => {
  if (dtype !== "i32") throw new OperandError(`${name} takes i32 indices, not ${dtype}`);
};
const inRange = (place: Scalar, size: Scalar): Scalar =>
  apply("and", apply("lessEqual", constant(0), place), apply("less", place, size));

/** Letters of the index dims and of the dims behind the first one of the weight. */
const takeLetters = (numIndexDims: number, numRest: number): { places: string; rest: string } => ({
  places: dimLetters(numIndexDims).join(""),
  rest: [..."ponmlk"].slice(0, numRest).join(""),
});

export interface TakeAttributes {
  /** The index of this rank's first row; its rows from `numRows` on are padding. */
  readonly start: number;
  readonly numRows: number;
}

/** Attributes for all rows of a weight. */
export const allRows = ([numRows]: readonly number[]): TakeAttributes => ({ start: 0, numRows: numRows! });

/** `weight [V, ...rest]`, `indices [...]`: `[...indices, ...rest]`. Over split rows each rank picks its own, and a sum is left. */
export const take: Op<TakeAttributes> = {
  ...plain,
  name: "take",
  unmerge: (attrs, letter) => (letter === "v" ? null : attrs),
  factors: ([weight, indices]) => {
    const { places, rest } = takeLetters(indices!.length, weight!.length - 1);
    return `v${rest},${places}->${places}${rest}`;
  },
  dtypes: ([weight, indices]) => {
    need("take", indices);
    return [weight!];
  },
  linear: () => [[0]],
  indices: [1],
  // Padding is never picked.
  neutral: () => [],
  localize: () => [
    { path: "start", letter: "v", take: "start" },
    { path: "numRows", letter: "v", take: "valid" },
  ],
  gradient: (g, [outer], [weight, indices]) => [
    outer && isFloat(weight!.type.dtype)
      ? emitOne(g, takeGradient, [indices!, outer], allRows(weight!.type.shape))
      : null,
    null,
  ],
  cost: (inputs, outputs) => ({ flops: 0, bytes: bytesOf(inputs.slice(1)) + 2 * bytesOf(outputs) }),
  reference: ([weight, indices], { start, numRows }) => {
    const row = weight!.shape.slice(1).reduce((n, size) => n * size, 1);
    const shape = [...indices!.shape, ...weight!.shape.slice(1)];
    return [
      fillArray(shape, (i) => {
        const place = indices!.data[Math.floor(i / row)]! - start;
        return place >= 0 && place < numRows ? weight!.data[place * row + (i % row)]! : 0;
      }),
    ];
  },
  lower: ([weight, indices], [output]) => {
    const { places, rest } = takeLetters(indices!.shape.length, weight!.shape.length - 1);
    const place = apply("sub", input(1), attribute("start"));
    const element = input(0, [place, ...[...rest].map((letter) => index(letter))]);
    const value = apply("select", inRange(place, attribute("numRows")), element, constant(0));
    return { kind: "loops", body: { ...elementwiseBody(output!.shape.length, value), outer: [...places, ...rest] } };
  },
  samples: [
    {
      shapes: [
        [5, 3],
        [2, 4],
      ],
      attrs: allRows([5]),
      below: { 1: 5 },
    },
    { shapes: [[5], [3]], attrs: allRows([5]), below: { 1: 5 } },
  ],
};

/** Adds up the rows of `gradient [...indices, ...rest]` that were picked from one row: `[numRows, ...rest]`. */
export const takeGradient: Op<TakeAttributes> = {
  ...plain,
  name: "takeGradient",
  factors: ([indices, gradient]) => {
    const { places, rest } = takeLetters(indices!.length, gradient!.length - indices!.length);
    return `${places},${places}${rest}->v${rest}`;
  },
  sizes: ({ numRows }) => ({ v: numRows }),
  dtypes: ([indices, gradient]) => {
    need("takeGradient", indices);
    return [gradient!];
  },
  linear: () => [[1]],
  indices: [0],
  neutral: () => [
    { input: 0, fill: 0 },
    { input: 1, fill: 0 },
  ],
  localize: () => [
    { path: "start", letter: "v", take: "start" },
    { path: "numRows", letter: "v", take: "count" },
  ],
  gradient: (g, [outer], [indices]) => [
    null,
    outer ? emitOne(g, take, [outer, indices!], allRows(outer.type.shape)) : null,
  ],
  cost: perElement(1),
  reference: ([indices, gradient], { start, numRows }) => {
    const rest = gradient!.shape.slice(indices!.shape.length);
    const row = rest.reduce((n, size) => n * size, 1);
    const data = new Float64Array(numRows * row);
    indices!.data.forEach((index, i) => {
      const place = index - start;
      if (!(place >= 0 && place < numRows)) return;
      for (let r = 0; r < row; r++) data[place * row + r]! += gradient!.data[i * row + r]!;
    });
    return [{ shape: [numRows, ...rest], data }];
  },
  lower: ([indices, gradient]) => {
    const { places, rest } = takeLetters(indices!.shape.length, gradient!.shape.length - indices!.shape.length);
    return {
      kind: "call",
      call: {
        symbol: "takeGradient",
        groups: { rows: [...places], vocab: ["v"], feature: [...rest] },
        operands: [
          { name: "indices", role: "input", index: 0, groups: ["rows"], unit: [] },
          { name: "gradient", role: "input", index: 1, groups: ["rows", "feature"], unit: ["feature"] },
          { name: "result", role: "output", index: 0, groups: ["vocab", "feature"], unit: ["feature"] },
        ],
        options: { start: { attribute: "start" }, dtype: gradient!.dtype },
        workspace: 0,
      },
    };
  },
  samples: [
    {
      shapes: [
        [2, 4],
        [2, 4, 3],
      ],
      attrs: allRows([5]),
      below: { 0: 5 },
    },
    { shapes: [[4], [4]], attrs: allRows([3]), below: { 0: 3 } },
  ],
};

/** Letters of `x` and of the picked shape, which differ along `dim`. */
const gatherTerms = (numDims: number, dim: number): { of: string; picked: string } => {
  const letters = dimLetters(numDims);
  const term = (changed: string): string => letters.map((letter, d) => (d === dim ? `[${changed}]` : letter)).join("");
  return { of: term(letters[dim]!), picked: term("z") };
};
const gatherLetters = (numDims: number, dim: number): readonly string[] =>
  dimLetters(numDims).map((letter, d) => (d === dim ? "z" : letter));

/** Elements of `x` picked along `dim` by an index of the result's shape. */
export const gather: Op<{ readonly dim: number }> = {
  ...plain,
  name: "gather",
  factors: ([x], { dim }) => {
    const { of, picked } = gatherTerms(x!.length, dim);
    return `${of},${picked}->${picked}`;
  },
  dtypes: ([x, places]) => {
    need("gather", places);
    return [x!];
  },
  linear: () => [[0]],
  indices: [1],
  gradient: (g, [outer], [x, places], _, { dim }) => [
    outer && isFloat(x!.type.dtype)
      ? emitOne(g, gatherGradient, [places!, outer], { dim, size: x!.type.shape[dim]! })
      : null,
    null,
  ],
  cost: perElement(1),
  reference: ([x, places], { dim }) => {
    const from = around(x!.shape, dim);
    const { size, inner } = around(places!.shape, dim);
    return [
      fillArray(places!.shape, (i) => {
        const place = places!.data[i]!;
        const start = Math.floor(i / inner / size) * from.size;
        return place >= 0 && place < from.size ? x!.data[(start + place) * inner + (i % inner)]! : 0;
      }),
    ];
  },
  lower: ([x], [output], { dim }) => {
    const letters = gatherLetters(output!.shape.length, dim);
    const place = input(1);
    const element = input(
      0,
      letters.map((letter, d) => (d === dim ? place : index(letter))),
    );
    const value = apply("select", inRange(place, constant(x!.shape[dim]!)), element, constant(0));
    return { kind: "loops", body: { ...elementwiseBody(output!.shape.length, value), outer: letters } };
  },
  samples: [
    {
      shapes: [
        [3, 5],
        [3, 2],
      ],
      attrs: { dim: 1 },
      below: { 1: 5 },
    },
    {
      shapes: [
        [5, 3],
        [2, 3],
      ],
      attrs: { dim: 0 },
      below: { 1: 5 },
    },
  ],
};

/** Adds up what was picked from one place: `size` places along `dim`. */
export const gatherGradient: Op<{ readonly dim: number; readonly size: number }> = {
  ...plain,
  name: "gatherGradient",
  factors: ([places], { dim }) => {
    const { of, picked } = gatherTerms(places!.length, dim);
    return `${picked},${picked}->${of}`;
  },
  sizes: ({ dim, size }) => ({ [dimLetters(dim + 1)[dim]!]: size }),
  dtypes: ([places, gradient]) => {
    need("gatherGradient", places);
    return [gradient!];
  },
  linear: () => [[1]],
  indices: [0],
  gradient: (g, [outer], [places], _, { dim }): readonly (LogicalValue | null)[] => [
    null,
    outer ? emitOne(g, gather, [outer, places!], { dim }) : null,
  ],
  cost: perElement(2),
  reference: ([places, gradient], { dim, size }) => {
    const shape = places!.shape.map((n, d) => (d === dim ? size : n));
    const from = around(places!.shape, dim);
    const data = new Float64Array(shape.reduce((n, each) => n * each, 1));
    places!.data.forEach((place, i) => {
      const outer = Math.floor(i / from.inner / from.size);
      if (place >= 0 && place < size)
        data[(outer * size + place) * from.inner + (i % from.inner)]! += gradient!.data[i]!;
    });
    return [{ shape, data }];
  },
  lower: ([places], _, { dim }) => {
    const letters = dimLetters(places!.shape.length);
    const at = letters.map((letter, d) => index(d === dim ? "z" : letter));
    const hit = apply("equal", input(0, at), index(letters[dim]!));
    return {
      kind: "loops",
      body: {
        outer: letters,
        inner: ["z"],
        passes: [
          { kind: "reduce", name: "total", by: "sum", of: apply("select", hit, input(1, at), constant(0)) },
          { kind: "store", output: 0, over: "outer", value: named("total") },
        ],
      },
    };
  },
  samples: [
    {
      shapes: [
        [3, 2],
        [3, 2],
      ],
      attrs: { dim: 1, size: 5 },
      below: { 0: 5 },
    },
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      attrs: { dim: 0, size: 4 },
      below: { 0: 4 },
    },
  ],
};
