// What records say of results that need no work, and of two ops as one, checked against their references.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NdArray } from "../../src/ir/nd.js";
import { describe as describeCall } from "../../src/ops/factors.js";
import { regroup } from "../../src/ops/regroup.js";
import { cast } from "../../src/ops/table.js";
import { distance, randomArray } from "../arrays.js";
import { cases, inputArrays, inputTypes } from "./sample-inputs.js";

const filled = ({ shape, data }: NdArray, value: number): NdArray => ({ shape, data: data.map(() => value) });

test("results that are an input, or one number", () => {
  let count = 0;
  for (const { op, sample, title } of cases) {
    const arrays = inputArrays(sample, 1);
    const types = inputTypes(op, sample);
    const choices = arrays.map((_, i) => (sample.below?.[i] === undefined ? [null, 0, 1, 2.5] : [null, 0, 1]));
    const all = choices.reduce<(number | null)[][]>(
      (lists, own) => lists.flatMap((list) => own.map((number) => [...list, number])),
      [[]],
    );
    for (const constants of all.filter((list) => list.length <= 3)) {
      const shortcut = op.shortcut(constants, types, sample.attrs);
      if (shortcut === null) continue;
      count++;
      const inputs = arrays.map((array, i) => (constants[i] == null ? array : filled(array, constants[i])));
      const [result] = op.reference(inputs, sample.attrs);
      const { outputTypes } = describeCall(op, types, sample.attrs);
      expect(outputTypes).toHaveLength(1);
      if ("input" in shortcut) {
        expect(types[shortcut.input], title).toEqual(outputTypes[0]);
        expect(distance(inputs[shortcut.input]!, result!), `${title} of ${constants}`).toBe(0);
      } else expect(distance(filled(result!, shortcut.constant), result!), `${title} of ${constants}`).toBe(0);
    }
  }
  expect(count).toBeGreaterThan(200);
});

/** Sizes of a tensor, how its dims are cut into letters, and an order to put them in, with some new ones and some merged. */
const regroups = fc.record({
  sizes: fc.array(fc.constantFrom(1, 2, 3, 4, 6), { minLength: 1, maxLength: 3 }),
  seeds: fc.array(fc.nat(1000), { minLength: 24, maxLength: 24 }),
});

/** A regroup of a shape that the numbers decide. */
function regroupOf(shape: readonly number[], numbers: () => number) {
  const names = [..."abcdefghijklmnop"];
  const sizes: Record<string, number> = {};
  const terms = shape.map((size) => {
    const divisors = [2, 3].filter((n) => size % n === 0 && size > n);
    const inner = numbers() % 2 === 0 && divisors.length > 0 ? [divisors[numbers() % divisors.length]!] : [];
    const parts = [size / inner.reduce((a, b) => a * b, 1), ...inner];
    return parts.map((part) => {
      const name = names.shift()!;
      sizes[name] = part;
      return name;
    });
  });
  const all = terms.flat().filter((name) => sizes[name] !== 1 || numbers() % 2 === 0);
  if (numbers() % 3 === 0) {
    const name = names.shift()!;
    sizes[name] = 1 + (numbers() % 3);
    all.push(name);
  }
  for (let i = all.length - 1; i > 0; i--) {
    const j = numbers() % (i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  const merged: string[][] = [];
  for (const name of all)
    if (merged.length > 0 && numbers() % 3 === 0) merged.at(-1)!.push(name);
    else merged.push([name]);
  const show = (list: string[][]): string =>
    list.map((term) => (term.length === 1 ? term[0] : `(${term.join("")})`)).join("");
  return { factors: `${show(terms)}->${show(merged)}`, sizes };
}

test("two regroups are one", () => {
  let composed = 0;
  fc.assert(
    fc.property(regroups, ({ sizes, seeds }) => {
      let at = 0;
      const numbers = (): number => seeds[at++ % seeds.length]! + at;
      const x = randomArray(sizes, 1);
      const first = regroupOf(sizes, numbers);
      const [y] = regroup.reference([x], first);
      const second = regroupOf(y!.shape, numbers);
      const [z] = regroup.reference([y!], second);
      const type = { shape: sizes, dtype: "f32" } as const;
      const before = { op: regroup, attrs: first, inputs: [type], output: { shape: y!.shape, dtype: "f32" } as const };
      const both = regroup.absorb(before, second);
      if (both === null) return;
      composed++;
      expect(describeCall(regroup, [type], both).outputTypes[0]!.shape).toEqual(z!.shape);
      expect(distance(regroup.reference([x], both)[0]!, z!)).toBe(0);
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(composed).toBeGreaterThan(300);
});

test("a cast there and back is none where nothing was lost", () => {
  const type = (dtype: "f32" | "bf16") => ({ shape: [2], dtype });
  const wider = { op: cast, attrs: { dtype: "f32" }, inputs: [type("bf16")], output: type("f32") };
  const narrower = { op: cast, attrs: { dtype: "bf16" }, inputs: [type("f32")], output: type("bf16") };
  expect(cast.absorb(wider, { dtype: "bf16" })).toEqual({ dtype: "bf16" });
  expect(cast.shortcut([null], [type("bf16")], { dtype: "bf16" })).toEqual({ input: 0 });
  expect(cast.absorb(narrower, { dtype: "f32" })).toBeNull();
});
