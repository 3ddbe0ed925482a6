// Pipelines beside every other axis, by configs alone, with stages balanced by cost: the cut program and the scheduled one
// have one rank's numbers, and nobody waits forever.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { degreesOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { differences, inputsFrom, runRanks, runWhole } from "../run-program.js";
import { runScheduled, withoutSums } from "../schedule/run-scheduled.js";
import { evaluateSmall } from "../small-examples.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });

type Settings = { readonly [entry: string]: number | boolean | string };
const cases: readonly (readonly [example: string, settings: Settings])[] = [
  ["gpt", { pipelineParallel: 2, dpShard: 2, tensorParallel: 2, lossParallel: true }],
  ["gpt", { pipelineParallel: 2, contextParallel: 2, tensorParallel: 2 }],
  ["gpt", { pipelineParallel: 2, pipelineStagesPerRank: 2, pipelineMicrobatches: 4, activationCheckpointing: true }],
  ["llama", { pipelineParallel: 2, dpReplicate: 2, pipelineSchedule: "gpipe" }],
  ["gan", { pipelineParallel: 2 }],
];

test.each(cases)("%s %o", (example, settings) => {
  const all = Object.entries({ dpReplicate: 1, ...settings });
  const program = evaluateSmall(
    example,
    undefined,
    Object.fromEntries(all.map(([entry, value]) => [`deviceParameters.${entry}`, value])),
  );
  let logical: Program<"logical"> | null = null;
  const local = compileProgram(program, {
    onPass: ({ name, program: made }) => {
      if (name === "nameValues") logical = made as Program<"logical">;
    },
  });
  const ranks = runRanks(local, degreesOf(local.mesh), inputs);
  expect(differences(runWhole(logical!, inputs), ranks, 1e-9)).toEqual([]);
  const scheduled = schedule(local);
  expect(verifyScheduled(scheduled)).toEqual([]);
  expect(differences(withoutSums(ranks, local), runScheduled(scheduled, 0, inputs), 1e-5)).toEqual([]);
});
