// A memory budget: as few modules are recomputed as it needs, and what cannot fit says so with its numbers.
import { describe, expect, test } from "vitest";
import { compileToEnd } from "../../src/compile.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { oneRank } from "../../src/ir/mesh.js";
import { rankRecomputable } from "../../src/phases/2-differentiate/rank-recomputable.js";
import { evaluateSmall } from "../small-examples.js";

const program = {
  ...evaluateSmall("gpt", {
    hiddenSize: 32,
    numLayers: 6,
    numHeads: 4,
    vocabSize: 16,
    sequenceLength: 128,
    trainBatchSize: 4,
  }),
  mesh: oneRank,
};
const within = (memoryBudget: number | null, recomputed: readonly string[] = []) => {
  const scheduled = compileToEnd({ ...program, layout: { ...defaultLayout, memoryBudget, recomputed } });
  return { arena: scheduled.variants[0]!.areas[0]!.arenaBytes, recomputed: scheduled.program.layout.recomputed };
};

describe("a budget", () => {
  const free = within(null);
  const least = within(null, ["model.blocks.*"]);

  test("that is large enough changes nothing", () => {
    expect(within(free.arena)).toEqual({ arena: free.arena, recomputed: [] });
  });

  test("is kept by the first set of modules that fits", () => {
    const sets = rankRecomputable(program, []);
    console.log(`sets, from the cheapest on: ${sets.map((set) => set.join(" ")).join(" | ")}`);
    for (const share of [0.8, 0.6, least.arena / free.arena]) {
      const found = within(Math.ceil(share * free.arena));
      expect(found.arena).toBeLessThanOrEqual(Math.ceil(share * free.arena));
      const at = sets.findIndex((set) => String(set) === String(found.recomputed));
      expect(at).toBeGreaterThanOrEqual(0);
      if (at > 0) expect(within(null, sets[at - 1]).arena).toBeGreaterThan(Math.ceil(share * free.arena));
    }
  });

  test("keeps what was asked for", () => {
    const asked = within(null, ["model.blocks.*.mlp"]);
    expect(within(asked.arena - 1, ["model.blocks.*.mlp"]).recomputed[0]).toBe("model.blocks.*.mlp");
  });

  test("that nothing fits into is refused with what it would need", () => {
    expect(() => within(1000)).toThrow(/memory-budget-too-small: a memory budget of 1,000 bytes .* needs [\d,]+ for/);
  });
});
