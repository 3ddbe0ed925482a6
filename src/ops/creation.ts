// Ops without tensor operands: constants, small tables, places.
import type { LogicalValue } from "../ir/graph.js";
import { apply, attribute, index, constant as literal, type Scalar } from "../ir/kernel.js";
import { type DType, numElements } from "../ir/tensor-type.js";
import { elementwiseBody } from "./elementwise.js";
import { dimLetters } from "./factors.js";
import { type Emitter, type LocalAttribute, type Op, OperandError } from "./op.js";
import { emitOne, fillArray, perElement, plain, rowMajor } from "./record.js";

interface Shaped {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export const shapeFactors = (numInputs: 0 | 1, shape: readonly number[]): string =>
  `${numInputs === 0 ? "*" : ""}->${dimLetters(shape.length).join("")}`;
export const shapeSizes = (shape: readonly number[]): { [letter: string]: number } =>
  Object.fromEntries(dimLetters(shape.length).map((letter, d) => [letter, shape[d]!]));
/** A rank makes only its own places. */
export const localShapeOf = (shape: readonly number[]): readonly LocalAttribute[] =>
  dimLetters(shape.length).map((letter, d) => ({ path: `shape.${d}`, letter, take: "count" }));

const shaped = {
  ...plain,
  factors: (_: unknown, { shape }: Shaped) => shapeFactors(0, shape),
  sizes: ({ shape }: Shaped) => shapeSizes(shape),
  dtypes: (_: unknown, { dtype }: Shaped) => [dtype],
  localize: ({ shape }: Shaped) => localShapeOf(shape),
  gradient: () => [],
  cost: perElement(0),
};

/** Every element is `value`. */
export const constant: Op<Shaped & { readonly value: number }> = {
  ...shaped,
  name: "constant",
  shortcut: (_, __, { value }) => ({ constant: value }),
  reference: (_, { shape, value }) => [fillArray(shape, () => value)],
  lower: (_, [output], { value }) => ({
    kind: "loops",
    body: elementwiseBody(output!.shape.length, literal(value)),
  }),
  samples: [
    { shapes: [], attrs: { shape: [2, 3], dtype: "f32", value: 1.5 } },
    { shapes: [], attrs: { shape: [], dtype: "i32", value: 3 } },
  ],
};

export const constantLike = (g: Emitter, { type }: LogicalValue, value: number): LogicalValue =>
  emitOne(g, constant, [], { shape: type.shape, dtype: type.dtype, value });

const maxTable = 64;
/** A small tensor from literal values, row-major. */
export const table: Op<Shaped & { readonly values: readonly number[] }> = {
  ...shaped,
  name: "table",
  factors: (_, { shape }) =>
    `*->${dimLetters(shape.length)
      .map((letter) => `[${letter}]`)
      .join("")}`,
  localize: () => [],
  check: (_, { shape, values }) => {
    if (values.length !== numElements(shape))
      throw new OperandError(`a tensor of shape [${shape}] needs ${numElements(shape)} values, not ${values.length}`);
    if (values.length > maxTable)
      throw new OperandError(`a literal tensor has at most ${maxTable} elements, not ${values.length}`);
  },
  reference: (_, { shape, values }) => [fillArray(shape, (i) => values[i]!)],
  lower: (_, [output], { shape, values }) => {
    const strides = rowMajor(shape);
    const place = dimLetters(shape.length).reduce<Scalar>(
      (sum, letter, d) => apply("add", sum, apply("mul", index(letter), literal(strides[d]!))),
      literal(0),
    );
    const value = values.reduceRight<Scalar>(
      (rest, element, i) =>
        i === values.length - 1
          ? literal(element)
          : apply("select", apply("equal", place, literal(i)), literal(element), rest),
      literal(0),
    );
    return { kind: "loops", body: elementwiseBody(output!.shape.length, value) };
  },
  samples: [
    { shapes: [], attrs: { shape: [2, 3], dtype: "f32", values: [1, 2, 3, 4, 5, 6] } },
    { shapes: [], attrs: { shape: [], dtype: "f32", values: [2.5] } },
  ],
};

/** `start + step * (place + origin)` along `dim`. */
export const iota: Op<
  Shaped & { readonly dim: number; readonly start: number; readonly step: number; readonly origin: number }
> = {
  ...shaped,
  name: "iota",
  localize: ({ shape, dim }) => [
    ...localShapeOf(shape),
    { path: "origin", letter: dimLetters(shape.length)[dim]!, take: "start" },
  ],
  reference: (_, { shape, dim, start, step, origin }) => {
    const inside = rowMajor(shape)[dim]!;
    return [fillArray(shape, (i) => start + step * ((Math.floor(i / inside) % shape[dim]!) + origin))];
  },
  lower: (_, [output], { dim, start, step }) => {
    const place = apply("add", index(dimLetters(output!.shape.length)[dim]!), attribute("origin"));
    const value = apply("add", literal(start), apply("mul", literal(step), place));
    return { kind: "loops", body: elementwiseBody(output!.shape.length, value) };
  },
  samples: [
    { shapes: [], attrs: { shape: [5], dtype: "i32", dim: 0, start: 0, step: 1, origin: 0 } },
    { shapes: [], attrs: { shape: [3, 4], dtype: "f32", dim: 1, start: 2, step: 0.5, origin: 0 } },
  ],
};
