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
/** Where a rank's places jump (see `Span` in ir/local-size.ts): `cut` and `jump` per dim. */
export interface Jumps {
  readonly cut: readonly number[];
  readonly jump: readonly number[];
}
/** Of a whole tensor: nowhere. */
export const noJumps = (shape: readonly number[]): Jumps => ({ cut: shape, jump: shape.map(() => 0) });
export const localJumps = (letters: readonly string[]): readonly LocalAttribute[] =>
  letters.flatMap((letter, d): LocalAttribute[] => [
    { path: `cut.${d}`, letter, take: "cut" },
    { path: `jump.${d}`, letter, take: "jump" },
  ]);
/** What is added to the rank's index along a dim, beside the first place, to get the place in the whole. */
export const jumpAt = ({ cut, jump }: Jumps, dim: number, index: number): number =>
  index >= cut[dim]! ? jump[dim]! : 0;
/** In a kernel, the place in the whole; `first` is the path of the first one. Where the first rank does not jump none does. */
export function placeIn({ jump }: Jumps, dim: number, letter: string, first: string): Scalar {
  const place = apply("add", index(letter), attribute(first));
  if (jump[dim] === 0) return place;
  const isBefore = apply("less", index(letter), attribute(`cut.${dim}`));
  return apply("add", place, apply("select", isBefore, literal(0), attribute(`jump.${dim}`)));
}

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

/** A shape whose dim of `letter` is taken apart. */
const unmergedShape = (shape: readonly number[], letter: string, sizes: readonly number[]): readonly number[] => {
  const dim = dimLetters(shape.length).indexOf(letter);
  return [...shape.slice(0, dim), ...sizes, ...shape.slice(dim + 1)];
};

/** Every element is `value`. */
export const constant: Op<Shaped & { readonly value: number }> = {
  ...shaped,
  name: "constant",
  unmerge: (attrs, letter, sizes) => ({ ...attrs, shape: unmergedShape(attrs.shape, letter, sizes) }),
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

interface Places extends Shaped, Jumps {
  readonly dim: number;
  readonly start: number;
  readonly step: number;
  /** This rank's first place along `dim`. */
  readonly origin: number;
}
type Range = Shaped & Pick<Places, "dim" | "start" | "step">;

/** Attributes of a whole tensor's places. */
export const iotaAttributes = (range: Range): Places => ({
  ...range,
  origin: 0,
  ...noJumps([range.shape[range.dim]!]),
});
export const emitIota = (g: Emitter, range: Range): LogicalValue => emitOne(g, iota, [], iotaAttributes(range));

/** `start + step * place` along `dim`. Jumps are those of `dim` alone. */
export const iota: Op<Places> = {
  ...shaped,
  name: "iota",
  localize: ({ shape, dim }) => [
    ...localShapeOf(shape),
    { path: "origin", letter: dimLetters(shape.length)[dim]!, take: "start" },
    ...localJumps([dimLetters(shape.length)[dim]!]),
  ],
  reference: (_, { shape, dim, start, step, origin, ...jumps }) => {
    const inside = rowMajor(shape)[dim]!;
    const place = (index: number): number => index + origin + jumpAt(jumps, 0, index);
    return [fillArray(shape, (i) => start + step * place(Math.floor(i / inside) % shape[dim]!))];
  },
  lower: (_, [output], { dim, start, step, ...jumps }) => {
    const letter = dimLetters(output!.shape.length)[dim]!;
    const place = placeIn(jumps, 0, letter, "origin");
    const value = apply("add", literal(start), apply("mul", literal(step), place));
    return { kind: "loops", body: elementwiseBody(output!.shape.length, value) };
  },
  samples: [
    { shapes: [], attrs: { shape: [5], dtype: "i32", dim: 0, start: 0, step: 1, origin: 0, cut: [5], jump: [0] } },
    { shapes: [], attrs: { shape: [3, 4], dtype: "f32", dim: 1, start: 2, step: 0.5, origin: 0, cut: [4], jump: [0] } },
  ],
};
