// The evaluator gives what V8 gives, for every snippet here; what it refuses is listed apart.
import { describe, expect, it } from "vitest";
import { runByEvaluator, runByV8 } from "./compare.js";
import { snippets } from "./snippets.js";

for (const [family, list] of Object.entries(snippets))
  describe(family, () => {
    for (const code of list)
      it(code.length > 90 ? `${code.slice(0, 90)}…` : code, () => {
        expect(runByEvaluator(code)).toEqual(runByV8(code));
      });
  });

it("is a suite of at least 150 snippets", () => {
  expect(Object.values(snippets).flat().length).toBeGreaterThanOrEqual(150);
});
