// The evaluator gives what V8 gives, for every snippet here; what it refuses is listed apart.
import { describe, expect, it } from "vitest";
import { runByEvaluator, runByV8 } from "./compare.js";
import { nastySnippets, refusedSnippets } from "./nasty-snippets.js";
import { snippets } from "./snippets.js";

const all = [...Object.entries(snippets), ...Object.entries(nastySnippets)];
for (const [family, list] of all)
  describe(family, () => {
    for (const code of list)
      it(code.length > 90 ? `${code.slice(0, 90)}…` : code, () => {
        expect(runByEvaluator(code)).toEqual(runByV8(code));
      });
  });

it("is a suite of at least 150 snippets", () => {
  expect(all.flatMap(([, list]) => list).length).toBeGreaterThanOrEqual(150);
});

describe("what is not supported", () => {
  for (const [code, said] of refusedSnippets)
    it(`is refused: ${code}`, () => {
      const outcome = runByEvaluator(code);
      expect(outcome).toHaveProperty("refused");
      expect("refused" in outcome && `${outcome.refused} ${outcome.help}`).toContain(said);
    });
});
