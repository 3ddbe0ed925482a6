// What every op is lowered to means what its reference says: kernels are interpreted, views are read through their
// strides, calls name letters and operands that exist. Whole, and on each rank where a letter is split.
import { describe, expect, test } from "vitest";
import { numberAt, runKernel } from "../../src/ir/interpret-kernel.js";
import type { NdArray } from "../../src/ir/nd.js";
import { describe as describeCall } from "../../src/ops/factors.js";
import type { Op, RuntimeCall, Sample } from "../../src/ops/op.js";
import { distance } from "../arrays.js";
import { type RunLocal, runSplit } from "./run-split.js";
import { cases, freeLetters, inputArrays, inputTypes, resized } from "./sample-inputs.js";
import { regroupView, sliceView } from "./strided-view.js";

/** Another order of sums; log1p by a formula that corrects its rounding. */
const tolerance = 1e-12;

const byLowering: RunLocal = (op, types, inputs, attrs) => {
  const { factors, sizes, outputTypes } = describeCall(op, types, attrs);
  const lowering = op.lower(types, outputTypes, attrs);
  switch (lowering.kind) {
    case "loops":
      return runKernel({ body: lowering.body, factors, sizes, attrs, inputs });
    case "regroup":
      return [regroupView(inputs[0]!, factors, sizes)];
    case "slice":
      return [sliceView(inputs[0]!, lowering, outputTypes[0]!.shape)];
    case "call":
      throw new Error("calls run in the runtime");
  }
};

const loweringOf = (op: Op, sample: Sample<unknown>) => {
  const types = inputTypes(op, sample);
  return op.lower(types, describeCall(op, types, sample.attrs).outputTypes, sample.attrs);
};
const whole = (op: Op, sample: Sample<unknown>): readonly NdArray[] =>
  op.reference(inputArrays(sample, 1), sample.attrs);

function compare(found: readonly NdArray[], expected: readonly NdArray[], what: string): void {
  expect(found.length).toBe(expected.length);
  found.forEach((array, o) => {
    expect(distance(array, expected[o]!), `result ${o}: ${what}`).toBeLessThan(tolerance);
  });
}

const own = cases.filter(({ op, sample }) => loweringOf(op, sample).kind !== "call");
describe.each(own)("$title", ({ op, sample }) => {
  test("its lowering is its reference", () => {
    compare(byLowering(op, inputTypes(op, sample), inputArrays(sample, 1), sample.attrs), whole(op, sample), "whole");
  });
  const free = freeLetters(op, sample);
  if (free.length > 0)
    test.each(free)("on ranks that share letter %s", (letter) => {
      for (const [ranks, size] of [
        [2, 4],
        [2, 3],
        [3, 4],
      ] as const) {
        const other = resized(op, sample, letter, size) ?? sample;
        compare(runSplit(op, other, letter, ranks, byLowering), whole(op, other), `${size} over ${ranks}`);
      }
    });
});

const calls = cases.flatMap((one) => {
  const lowering = loweringOf(one.op, one.sample);
  return lowering.kind === "call" ? [{ ...one, call: lowering.call }] : [];
});
describe.each(calls)("$title calls $call.symbol", ({ op, sample, call }) => {
  const types = inputTypes(op, sample);
  const { factors, sizes } = describeCall(op, types, sample.attrs);

  test("with each letter in one group", () => {
    const grouped = Object.values(call.groups).flat();
    expect(new Set(grouped).size).toBe(grouped.length);
    expect([...sizes.keys()].filter((letter) => !grouped.includes(letter))).toEqual([]);
    expect(grouped.filter((letter) => !sizes.has(letter))).toEqual([]);
  });

  test("with each operand once, by the letters that it has", () => {
    expect(placesOf(call, "input")).toEqual(factors.inputs.map((_, i) => i));
    expect(placesOf(call, "output")).toEqual(factors.outputs.map((_, o) => o));
    for (const { name, role, index, groups, unit } of call.operands) {
      const term = (role === "input" ? factors.inputs : factors.outputs)[index]!.flat();
      expect([...groups.flatMap((group) => call.groups[group]!)].sort(), name).toEqual([...term].sort());
      expect(
        unit.every((group) => groups.includes(group)),
        name,
      ).toBe(true);
    }
    expect(new Set(call.operands.map(({ name }) => name)).size).toBe(call.operands.length);
  });

  test("with options that are known", () => {
    for (const option of Object.values(call.options))
      if (typeof option === "object") expect(Number.isFinite(numberAt(sample.attrs, option.attribute))).toBe(true);
    expect(Number.isInteger(call.workspace) && call.workspace >= 0).toBe(true);
  });
});

const placesOf = (call: RuntimeCall, role: "input" | "output"): readonly number[] =>
  call.operands
    .filter((operand) => operand.role === role)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
