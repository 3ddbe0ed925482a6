// What the generic tests run a record on: the types and numbers of a sample's inputs, and samples of other sizes.
import { plainSpan } from "../../src/ir/local-size.js";
import { attributesWhere } from "../../src/ir/localize.js";
import type { NdArray } from "../../src/ir/nd.js";
import { type StepLetters, stepLetters } from "../../src/ir/step-letters.js";
import type { DType, TensorType } from "../../src/ir/tensor-type.js";
import { describe as describeCall } from "../../src/ops/factors.js";
import type { Op, Sample } from "../../src/ops/op.js";
import { ops } from "../../src/ops/table.js";
import { randomArray, randomIntegers } from "../arrays.js";

export interface Case {
  readonly op: Op;
  readonly sample: Sample<unknown>;
  readonly title: string;
}

/** Every record with each of its samples. */
export const cases: readonly Case[] = [...ops.values()].flatMap((op) =>
  op.samples.map((sample, i) => ({ op, sample, title: `${op.name} ${i + 1}` })),
);

/** Whole numbers stand for indices, or (below 2) for masks. */
export const inputTypes = (op: Op, { shapes, below }: Sample<unknown>): readonly TensorType[] =>
  shapes.map((shape, i) => {
    const bound = below?.[i];
    const dtype: DType = bound === undefined ? "f32" : bound === 2 && !op.indices.includes(i) ? "bool" : "i32";
    return { shape, dtype };
  });

export const inputArrays = (sample: Sample<unknown>, seed: number): readonly NdArray[] =>
  sample.shapes.map((shape, i) => {
    const bound = sample.below?.[i];
    if (bound !== undefined) return randomIntegers(shape, 100 * seed + i, bound);
    return sample.positive?.includes(i)
      ? randomArray(shape, 100 * seed + i, 0.5, 2)
      : randomArray(shape, 100 * seed + i);
  });

export const lettersOf = (op: Op, sample: Sample<unknown>): StepLetters => stepLetters(op, sample.shapes, sample.attrs);

/** Letters that an axis may split without taking the op apart. */
export const freeLetters = (op: Op, sample: Sample<unknown>): readonly string[] => {
  const { sizes, whole } = lettersOf(op, sample);
  return [...sizes.keys()].filter((letter) => !whole.has(letter));
};

/** The sample with another size of one letter, or null where its attributes fix the size. */
export function resized(op: Op, sample: Sample<unknown>, letter: string, size: number): Sample<unknown> | null {
  const letters = lettersOf(op, sample);
  if (letters.sizes.get(letter) === size) return sample;
  // What a rank with so many places would see, taken as a whole.
  const attrs: unknown = attributesWhere(op, sample.attrs, (each) => (each === letter ? plainSpan(0, size) : null));
  const shapes = sample.shapes.map((shape, i) =>
    shape.map((old, d) => (letters.inputs[i]![d]!.letter === letter ? size * letters.inputs[i]![d]!.inside : old)),
  );
  const other: Sample<unknown> = { ...sample, shapes, attrs };
  try {
    const description = describeCall(op, inputTypes(op, other), attrs);
    return description.sizes.get(letter) === size ? other : null;
  } catch {
    return null;
  }
}
