// Where a record says how its letter is taken apart, the op on parts gives the parts of its results.
import { expect, test } from "vitest";
import type { NdArray } from "../../src/ir/nd.js";
import { describe as describeCall, parseFactors } from "../../src/ops/factors.js";
import { distance } from "../arrays.js";
import { cases, freeLetters, inputArrays, inputTypes, resized } from "./sample-inputs.js";

const sizes = [2, 3];

const apart = (array: NdArray, dim: number): NdArray =>
  dim < 0 ? array : { ...array, shape: array.shape.flatMap((size, d) => (d === dim ? sizes : [size])) };

const unmergeable = cases.flatMap((one) =>
  freeLetters(one.op, one.sample).flatMap((letter) => {
    const sample = resized(one.op, one.sample, letter, 6);
    const attrs: unknown = sample && one.op.unmerge(sample.attrs, letter, sizes, sample.shapes);
    if (sample === null || attrs === null) return [];
    const { inputs, outputs } = parseFactors(one.op.factors(sample.shapes, sample.attrs));
    const isSingle = inputs.every((term) => term.every((letters) => letters.length === 1 || !letters.includes(letter)));
    return isSingle ? [{ ...one, letter, sample, attrs, inputs, outputs }] : [];
  }),
);

test.each(unmergeable)("$title: letter $letter", ({ op, letter, sample, attrs, inputs, outputs }) => {
  const dimOf = (term: readonly (readonly string[])[]): number =>
    term.findIndex((letters) => String(letters) === letter);
  const wholes = inputArrays(sample, 1);
  const parts = wholes.map((array, i) => apart(array, dimOf(inputs[i]!)));
  const expected = op.reference(wholes, sample.attrs).map((array, o) => apart(array, dimOf(outputs[o]!)));
  op.reference(parts, attrs).forEach((found, o) => {
    expect(found.shape).toEqual(expected[o]!.shape);
    expect(distance(found, expected[o]!)).toBe(0);
  });
  const types = inputTypes(op, sample).map(({ dtype }, i) => ({ dtype, shape: parts[i]!.shape }));
  expect(describeCall(op, types, attrs).outputTypes.map(({ shape }) => shape)).toEqual(
    expected.map(({ shape }) => shape),
  );
});

test("losses, sums, products and elementwise ops do", () => {
  const names = new Set(unmergeable.map(({ op }) => op.name));
  for (const name of [
    "add",
    "exp",
    "crossEntropy",
    "sum",
    "max",
    "contract",
    "regroup",
    "constant",
    "take",
    "layerNorm",
  ])
    expect(names).toContain(name);
});
