// Microbatches are an axis of placements: with each of them as a rank of its own, a program has the numbers of one rank.
import { expect, test } from "vitest";
import { defaultLayout } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";

const pipeline = { stages: null, schedule: "1f1b", numMicrobatches: 2, stagesPerRank: 1 } as const;

test.each([
  ["gpt", { dpReplicate: "auto" }],
  ["llama", { dpShard: 2 }],
] as const)("%s on %o", (example, degrees) => {
  const program = { ...evaluateSmall(example), mesh: meshOf(degrees), layout: { ...defaultLayout, pipeline } };
  const { found } = comparePasses(program, inputsFrom({ below: 11, zeroGradients: true }));
  expect(found).toEqual([]);
});
