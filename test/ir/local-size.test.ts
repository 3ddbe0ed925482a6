// What ranks hold of a dim: however it is cut, every place is held once, what is missing is at the end of a part, and
// the text says all of it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { dealtPlaces, localSize, placeIn, spanOf } from "../../src/ir/local-size.js";
import { coordinatesOf, degreesOf, meshOf, numRanks } from "../../src/ir/mesh.js";
import { meshFacts, plainSplit } from "../../src/ir/mesh-facts.js";
import type { Axis, DimSplit } from "../../src/ir/placement.js";
import { parseSplit, showSplit } from "../../src/ir/placement-text.js";

const splits = fc.record({
  size: fc.integer({ min: 0, max: 40 }),
  longer: fc.integer({ min: 0, max: 5 }),
  cp: fc.integer({ min: 1, max: 4 }),
  tp: fc.integer({ min: 1, max: 3 }),
  axes: fc.constantFrom<readonly Axis[]>(["cp"], ["cp", "tp"], ["tp", "cp"]),
  unit: fc.integer({ min: 1, max: 4 }),
  isDealt: fc.boolean(),
});

test("every place is held once, and padding is at the end of each part", () => {
  fc.assert(
    fc.property(splits, ({ size, longer, cp, tp, axes, unit, isDealt }) => {
      const mesh = meshOf({ cp, tp });
      const degrees = degreesOf(mesh);
      const split: DimSplit = {
        axes,
        unit,
        ...(longer > 0 ? { extent: size + longer } : {}),
        ...(isDealt ? { order: "headTail" } : {}),
      };
      const all = { axes: axes.filter((axis) => degrees[axis] > 1) };
      const ranks = Array.from({ length: numRanks(degrees) }, (_, rank) => coordinatesOf(rank, degrees)).filter((at) =>
        (["cp", "tp"] as const).every((axis) => split.axes.includes(axis) || at[axis] === 0),
      );
      const held = ranks.flatMap((at) => {
        const span = spanOf(size, split, degrees, at);
        expect(span.count).toBe(localSize(size, split, degrees));
        return Array.from({ length: span.valid }, (_, i) => placeIn(span, i));
      });
      expect([...held].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
      expect(parseSplit(showSplit(split))).toEqual(split);
      // Leaving out what moves no cut moves none.
      const plain = plainSplit(size, { ...split, axes: all.axes }, meshFacts(mesh, []));
      for (const at of ranks)
        if (all.axes.length === axes.length)
          expect(spanOf(size, plain, degrees, at)).toEqual(spanOf(size, split, degrees, at));
    }),
    { numRuns: 500, seed: 7 },
  );
});

test("an axis deals what the axes outside of it left", () => {
  const degrees = degreesOf(meshOf({ cp: 2, tp: 2 }));
  const dealt = (split: DimSplit, axis: Axis) => [0, 1].map((at) => dealtPlaces(8, split, axis, at, degrees));
  expect(dealt({ axes: ["cp"], unit: 1, order: "headTail" }, "cp")).toEqual([
    [0, 1, 6, 7],
    [2, 3, 4, 5],
  ]);
  expect(dealt({ axes: ["cp", "tp"], unit: 1, order: "headTail" }, "tp")).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

test.each([
  { numRanks: 2, size: 32 },
  { numRanks: 4, size: 32 },
  { numRanks: 8, size: 64 },
])("with a causal mask $numRanks ranks see as many pairs of $size tokens", ({ numRanks: cp, size }) => {
  const degrees = degreesOf(meshOf({ cp }));
  const pairs = Array.from({ length: cp }, (_, rank) => {
    const span = spanOf(size, { axes: ["cp"], unit: 1, order: "headTail" }, degrees, coordinatesOf(rank, degrees));
    return Array.from({ length: span.valid }, (_unused, i) => placeIn(span, i) + 1).reduce((a, b) => a + b, 0);
  });
  expect(new Set(pairs).size).toBe(1);
});
