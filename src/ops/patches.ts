// The patches of a picture that convolutions and pools look at, and the sum that puts them back.
import { apply, constant, index, input, named, type Scalar } from "../ir/kernel.js";
import { isFloat } from "../ir/tensor-type.js";
import { type Op, OperandError } from "./op.js";
import { emitOne, fillArray, perElement, plain } from "./record.js";

type Pair = readonly [number, number];
export interface PatchesAttributes {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  /** What stands outside the picture. */
  readonly fill: number;
  /** Height and width of the picture. */
  readonly picture: Pair;
}

/** Places at which a window fits: floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
const placesOf = ({ kernel, stride, padding, dilation, picture }: PatchesAttributes, side: 0 | 1): number =>
  Math.floor((picture[side] + 2 * padding[side] - dilation[side] * (kernel[side] - 1) - 1) / stride[side]) + 1;
const patchSizes = (attrs: PatchesAttributes) => ({
  i: attrs.kernel[0],
  j: attrs.kernel[1],
  y: placesOf(attrs, 0),
  z: placesOf(attrs, 1),
  h: attrs.picture[0],
  w: attrs.picture[1],
});
const samples: Op<PatchesAttributes>["samples"][number]["attrs"][] = [
  { kernel: [2, 3], stride: [1, 2], padding: [1, 0], dilation: [1, 1], fill: 0, picture: [4, 5] },
  { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 2], fill: 0, picture: [4, 6] },
];

/** `x [B, C, H, W]`: `[B, C, kh, kw, H', W']`. */
export const patches: Op<PatchesAttributes> = {
  ...plain,
  name: "patches",
  factors: () => "bc[h][w]->bc[i][j][y][z]",
  sizes: patchSizes,
  dtypes: ([dtype]) => [dtype!],
  check: (_, attrs) => {
    if (!(placesOf(attrs, 0) >= 1 && placesOf(attrs, 1) >= 1))
      throw new OperandError(`a window of [${attrs.kernel}] does not fit a picture of [${attrs.picture}]`);
  },
  linear: (_, { fill }) => (fill === 0 ? [[0]] : []),
  gradient: (g, [outer], [x], _, attrs) => [
    outer && isFloat(x!.type.dtype) ? emitOne(g, patchesGradient, [outer], attrs) : null,
  ],
  cost: perElement(1),
  reference: ([x], attrs) => {
    const { kernel, stride, padding, dilation, fill, picture } = attrs;
    const [b, c] = x!.shape as [number, number];
    const shape = [b, c, kernel[0], kernel[1], placesOf(attrs, 0), placesOf(attrs, 1)];
    return [
      fillArray(shape, (n) => {
        const [z, y] = [n % shape[5]!, Math.floor(n / shape[5]!) % shape[4]!];
        const rest = Math.floor(n / shape[5]! / shape[4]!);
        const [j, i] = [rest % kernel[1], Math.floor(rest / kernel[1]) % kernel[0]];
        const plane = Math.floor(rest / kernel[1] / kernel[0]);
        const [row, column] = [
          y * stride[0] + i * dilation[0] - padding[0],
          z * stride[1] + j * dilation[1] - padding[1],
        ];
        const inside = row >= 0 && row < picture[0] && column >= 0 && column < picture[1];
        return inside ? x!.data[(plane * picture[0] + row) * picture[1] + column]! : fill;
      }),
    ];
  },
  lower: (_, __, { stride, padding, dilation, fill, picture }) => {
    const at = (place: string, offset: string, side: 0 | 1): Scalar =>
      apply(
        "sub",
        apply(
          "add",
          apply("mul", index(place), constant(stride[side])),
          apply("mul", index(offset), constant(dilation[side])),
        ),
        constant(padding[side]),
      );
    const [row, column] = [at("y", "i", 0), at("z", "j", 1)];
    const within = (place: Scalar, size: number): Scalar =>
      apply("and", apply("lessEqual", constant(0), place), apply("less", place, constant(size)));
    const inside = apply("and", within(row, picture[0]), within(column, picture[1]));
    const element = input(0, [index("b"), index("c"), row, column]);
    return {
      kind: "loops",
      body: {
        outer: ["b", "c", "i", "j", "y", "z"],
        inner: [],
        passes: [{ kind: "store", output: 0, over: "outer", value: apply("select", inside, element, constant(fill)) }],
      },
    };
  },
  samples: [
    { shapes: [[2, 1, 4, 5]], attrs: samples[0]! },
    { shapes: [[1, 2, 4, 6]], attrs: samples[1]! },
    { shapes: [[1, 2, 4, 5]], attrs: { ...samples[0]!, fill: -2 } },
  ],
};

/** Adds up what lies over each place of the picture: `[B, C, kh, kw, H', W']` to `[B, C, H, W]`. */
export const patchesGradient: Op<PatchesAttributes> = {
  ...plain,
  name: "patchesGradient",
  factors: () => "bc[i][j][y][z]->bc[h][w]",
  sizes: patchSizes,
  dtypes: ([dtype]) => [dtype!],
  linear: () => [[0]],
  gradient: (g, [outer], _, __, attrs) => [outer ? emitOne(g, patches, [outer], { ...attrs, fill: 0 }) : null],
  cost: perElement(1),
  reference: ([g], { kernel, stride, padding, dilation, picture }) => {
    const [b, c, , , height, width] = g!.shape as [number, number, number, number, number, number];
    const data = new Float64Array(b * c * picture[0] * picture[1]);
    g!.data.forEach((element, n) => {
      const [z, y] = [n % width, Math.floor(n / width) % height];
      const rest = Math.floor(n / width / height);
      const [j, i] = [rest % kernel[1], Math.floor(rest / kernel[1]) % kernel[0]];
      const plane = Math.floor(rest / kernel[1] / kernel[0]);
      const row = y * stride[0] + i * dilation[0] - padding[0];
      const column = z * stride[1] + j * dilation[1] - padding[1];
      if (row >= 0 && row < picture[0] && column >= 0 && column < picture[1])
        data[(plane * picture[0] + row) * picture[1] + column]! += element;
    });
    return [{ shape: [b, c, picture[0], picture[1]], data }];
  },
  lower: ([g], _, attrs) => {
    const { stride, padding, dilation } = attrs;
    const [, , , , height, width] = g!.shape as [number, number, number, number, number, number];
    const find = (letter: string, offset: string, side: 0 | 1, count: number): { place: Scalar; hits: Scalar } => {
      const distance = apply(
        "sub",
        apply("add", index(letter), constant(padding[side])),
        apply("mul", index(offset), constant(dilation[side])),
      );
      const place = apply("floor", apply("div", distance, constant(stride[side])));
      const exact = apply("equal", apply("mul", place, constant(stride[side])), distance);
      const within = apply("and", apply("lessEqual", constant(0), place), apply("less", place, constant(count)));
      return { place, hits: apply("and", exact, within) };
    };
    const [row, column] = [find("h", "i", 0, height), find("w", "j", 1, width)];
    const element = input(0, [index("b"), index("c"), index("i"), index("j"), row.place, column.place]);
    return {
      kind: "loops",
      body: {
        outer: ["b", "c", "h", "w"],
        inner: ["i", "j"],
        passes: [
          {
            kind: "reduce",
            name: "total",
            by: "sum",
            of: apply("select", apply("and", row.hits, column.hits), element, constant(0)),
          },
          { kind: "store", output: 0, over: "outer", value: named("total") },
        ],
      },
    };
  },
  samples: [
    { shapes: [[2, 1, 2, 3, 5, 2]], attrs: samples[0]! },
    { shapes: [[1, 2, 2, 2, 2, 2]], attrs: samples[1]! },
  ],
};
