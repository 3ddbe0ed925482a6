// Plans of random entries: what lives at one time never overlaps, and little is lost.
import fc from "fast-check";
import { expect, test } from "vitest";
import { planMemory } from "../../src/phases/4-schedule/plan-memory.js";

const entry = fc.record({
  bytes: fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 })),
  first: fc.integer({ min: 0, max: 40 }),
  length: fc.integer({ min: 0, max: 12 }),
});

test("entries that live at one time have bytes of their own, in every variant", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (list) => {
      const entries = list.map(({ bytes, first, length }) => ({ bytes, first, last: first + length }));
      const { offsets, bytes } = planMemory(entries, 2);
      for (const variant of [0, 1]) {
        const spans = entries.map((each, i) => {
          const start = offsets[i]![variant]!;
          return { ...each, start, end: start + each.bytes[variant]! };
        });
        for (const [i, a] of spans.entries()) {
          expect(a.start % 64).toBe(0);
          expect(a.end).toBeLessThanOrEqual(bytes[variant]!);
          for (const b of spans.slice(i + 1))
            if (a.first <= b.last && b.first <= a.last) expect(a.end <= b.start || b.end <= a.start).toBe(true);
        }
      }
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("lives that follow each other share one place", () => {
  const entries = Array.from({ length: 20 }, (_, i) => ({ bytes: [640], first: i, last: i }));
  expect(planMemory(entries, 1).bytes).toEqual([640]);
});

test("no entries need no bytes", () => {
  expect(planMemory([], 1).bytes).toEqual([0]);
});
