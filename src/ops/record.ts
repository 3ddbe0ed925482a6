// What most records have in common, to be spread into them, and short ways to emit one result.
import type { LogicalValue } from "../ir/graph.js";
import type { NdArray } from "../ir/nd.js";
import { numBytesOf, numElements, type TensorType } from "../ir/tensor-type.js";
import type { Cost, Emitter, Op } from "./op.js";

/** Fields of an op that divides freely along every letter and has nothing to say about the rest. */
export const plain = {
  sizes: () => ({}),
  resized: () => ({}),
  unmerge: () => null,
  reduction: {},
  linear: () => [],
  indices: [],
  neutral: null,
  localize: () => [],
  apart: () => null,
  merge: () => null,
  rounds: () => false,
  precision: "follow",
  shortcut: () => null,
  absorb: () => null,
  widen: () => null,
  stopsGradient: false,
} as const satisfies Partial<Op>;

export const bytesOf = (types: readonly TensorType[]): number =>
  types.reduce((n, { shape, dtype }) => n + numElements(shape) * numBytesOf[dtype], 0);

/** `flops` for every element of the largest operand or result. */
export const perElement =
  (flops: number) =>
  (inputs: readonly TensorType[], outputs: readonly TensorType[]): Cost => ({
    flops: flops * Math.max(...[...inputs, ...outputs].map(({ shape }) => numElements(shape))),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  });

/** No work at all: the result is the operand seen otherwise. */
export const free = (): Cost => ({ flops: 0, bytes: 0 });

/** The only result of an op. */
export function emitOne<A>(g: Emitter, op: Op<A>, inputs: readonly LogicalValue[], attrs: NoInfer<A>): LogicalValue {
  return g.emit(op, inputs, attrs)[0]!;
}

/** For ops whose attributes name no dims: they take any number of them. */
export const ofAnyRank = { unmerge: <A>(attrs: A): A => attrs };

/** The same dims of a tensor whose dim `merged` is now `count` dims; null where that is one of them. */
export const dimsAround = (dims: readonly number[], merged: number, count: number): readonly number[] | null =>
  dims.includes(merged) ? null : dims.map((dim) => (dim < merged ? dim : dim + count - 1));

/** An array of one shape, element by element. */
export function fillArray(shape: readonly number[], elementAt: (index: number) => number): NdArray {
  const data = new Float64Array(shape.reduce((n, size) => n * size, 1));
  for (let i = 0; i < data.length; i++) data[i] = elementAt(i);
  return { shape, data };
}

/** Row-major strides of a shape. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
}

/** Sizes before, at and behind one dim: an element is at `(outer * size + place) * inner + rest`. */
export function around(shape: readonly number[], dim: number): { outer: number; size: number; inner: number } {
  const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);
  return { outer: product(shape.slice(0, dim)), size: shape[dim]!, inner: product(shape.slice(dim + 1)) };
}
