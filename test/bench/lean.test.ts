// The benchmark's formulas are those of programs: at small sizes that divide, to the last element.
import { describe, expect, test } from "vitest";
import { leannessOf, settingsOf, techniques } from "../../bench/lean.js";
import type { Shape } from "../../bench/lean-formulas.js";
import { planOf } from "../../src/cli/program/plan.js";
import { compile } from "../../src/compile.js";
import { parsed } from "../evaluate/parsed.js";

const small: Shape = { batch: 8, sequence: 16, hidden: 32, layers: 2, vocabulary: 64 };

/** What is known to be sent beyond the formula, in elements by axis: once it is not, it goes from this list. */
const sentBeyond: { readonly [technique: string]: { readonly [axis: string]: number } } = {
  // Keys and values are gathered again in backward, so that a rank keeps its own alone.
  "context parallel, gathered": { cp: 14336 },
  // Scalars: the count of targets is summed by every rank of tp.
  "FSDP 2, CP 2, TP 2, loss parallel": { tp: 6 },
};

describe.each(Object.keys(techniques))("%s", (name) => {
  const technique = techniques[name]!;
  const settings = new Map(Object.entries(settingsOf(technique, small)).map(([key, value]) => [key, String(value)]));
  const [plan] = planOf(
    compile("examples/gpt/trainer.ts", { settings, checkTypes: false, parsed, verifies: "every level" }),
  );
  const { sent, textbook, memory } = leannessOf(name, technique, small, plan!);

  test("sends what the textbook says", () => {
    expect(Object.keys(sent).sort()).toEqual(Object.keys(textbook).sort());
    for (const [axis, elements] of Object.entries(textbook))
      expect(sent[axis], axis).toBeCloseTo(elements + (sentBeyond[name]?.[axis] ?? 0), 6);
  });

  test("holds what it says", () => {
    const { parameters, optimizer } = plan!.memory;
    expect({ parameters, optimizer }).toEqual({ parameters: memory.parameters, optimizer: memory.optimizer });
    // A norm's scalar beside the gradients; tables of positions are freed once they are read.
    expect(plan!.step.mostOf.gathered).toBeLessThanOrEqual(memory.gathered);
    // Gathers over two axes, one behind the other, do not begin ahead of their use.
    if (technique.cp > 1) return;
    expect(plan!.step.mostOf.gathered).toBeGreaterThanOrEqual(memory.gathered - 4 * small.sequence * small.hidden);
  });
});
