// Random numbers are counted, not drawn: element n of a stream at a step is a function of these and the seed alone
// (Philox4x32-10, Salmon et al. 2011), so every mesh sees the same ones. The runtime computes the same bits.
import { apply, constant, input, type Scalar } from "../ir/kernel.js";
import type { DType } from "../ir/tensor-type.js";
import {
  type Jumps,
  jumpAt,
  localJumps,
  localShapeOf,
  noJumps,
  placeIn,
  shapeFactors,
  shapeSizes,
} from "./creation.js";
import { elementwiseBody } from "./elementwise.js";
import { dimLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { fillArray, perElement, plain, rowMajor } from "./record.js";

/** The seed of reference runs; programs start with the same unless `--seed` says otherwise. */
export const defaultSeed = 42;

export interface RandomAttributes extends Jumps {
  readonly shape: readonly number[];
  /** Tells places in the source apart; a 32-bit number. */
  readonly stream: number;
  /** Row-major strides of the whole tensor, and this rank's first place per dim: together an element's number. */
  readonly strides: readonly number[];
  readonly origin: readonly number[];
}

/** Attributes of a whole tensor's random numbers. */
export const randomAttributes = (shape: readonly number[], stream: number): RandomAttributes => ({
  shape,
  stream,
  strides: rowMajor(shape),
  origin: shape.map(() => 0),
  ...noJumps(shape),
});

const mulHigh = (a: number, b: number): number => {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const low = al * bl;
  const first = ah * bl + (low >>> 16);
  const second = al * bh + (first & 0xffff);
  return (ah * bh + Math.floor(first / 0x10000) + (second >= 0 ? Math.floor(second / 0x10000) : 0)) >>> 0;
};

/** Ten rounds of Philox4x32 on a counter of four words with a key of two. */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number]): number[] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [highA, lowA] = [mulHigh(0xd2511f53, a), Math.imul(0xd2511f53, a) >>> 0];
    const [highC, lowC] = [mulHigh(0xcd9e8d57, c), Math.imul(0xcd9e8d57, c) >>> 0];
    [a, b, c, d] = [(highC ^ b ^ k0) >>> 0, lowC, (highA ^ d ^ k1) >>> 0, lowA];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The words of element `n`: a stream has rounds, such as the layers that share one place in the source. */
const words = (n: number, step: number, stream: number, round: number): number[] => {
  const own = (stream + Math.imul(round, 0x9e3779b9)) >>> 0;
  return philox([n >>> 0, Math.floor(n / 0x100000000), step >>> 0, own], [defaultSeed, 0]);
};

/** A number of element `n`, from its place alone. */
export type RandomAt = (n: number, step: number, stream: number, round: number) => number;
export const uniformAt: RandomAt = (n, step, stream, round) => (words(n, step, stream, round)[0]! >>> 8) / 0x1000000;
/** Box and Muller 1958. */
export const normalAt: RandomAt = (n, step, stream, round) => {
  const [x, y] = words(n, step, stream, round);
  return Math.sqrt(-2 * Math.log(((x! >>> 8) + 1) / 0x1000000)) * Math.cos((2 * Math.PI * (y! >>> 8)) / 0x1000000);
};

const random = (name: string, fn: "randomUniform" | "randomNormal", numberAt: RandomAt): Op<RandomAttributes> => ({
  ...plain,
  name,
  factors: (_, { shape }) => `,${shapeFactors(1, shape)}`,
  sizes: ({ shape }) => shapeSizes(shape),
  dtypes: ([step, round]): readonly DType[] => {
    if (step !== "i32" || round !== "i32")
      throw new OperandError(`${name} takes an i32 step and an i32 round, not ${step} and ${round}`);
    return ["f32"];
  },
  indices: [0, 1],
  localize: ({ shape }) => [
    ...localShapeOf(shape),
    ...dimLetters(shape.length).map((letter, d) => ({ path: `origin.${d}`, letter, take: "start" }) as const),
    ...localJumps(dimLetters(shape.length)),
  ],
  gradient: () => [null, null],
  precision: "full",
  cost: perElement(40),
  reference: ([step, round], { shape, stream, strides, origin, ...jumps }) => {
    const own = rowMajor(shape);
    const element = (i: number): number =>
      shape.reduce((n, size, d) => {
        const at = Math.floor(i / own[d]!) % size;
        return n + (at + origin[d]! + jumpAt(jumps, d, at)) * strides[d]!;
      }, 0);
    return [fillArray(shape, (i) => numberAt(element(i), step!.data[0]!, stream, round!.data[0]!))];
  },
  lower: (_, [output], { stream, strides, ...jumps }) => {
    const element = dimLetters(output!.shape.length).reduce<Scalar>(
      (sum, letter, d) =>
        apply("add", sum, apply("mul", placeIn(jumps, d, letter, `origin.${d}`), constant(strides[d]!))),
      constant(0),
    );
    return {
      kind: "loops",
      body: elementwiseBody(output!.shape.length, apply(fn, constant(stream), input(0, []), input(1, []), element)),
    };
  },
  samples: [
    { shapes: [[], []], attrs: randomAttributes([4, 6], 7), below: { 0: 5, 1: 3 } },
    { shapes: [[], []], attrs: randomAttributes([5], 8), below: { 0: 5, 1: 3 } },
  ],
});

/** Uniform in [0, 1), in steps of 2^-24. */
export const randomUniform = random("randomUniform", "randomUniform", uniformAt);
/** Normal with mean 0 and standard deviation 1. */
export const randomNormal = random("randomNormal", "randomNormal", normalAt);
