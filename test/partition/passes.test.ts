// Every pass keeps the answer, for a small transformer: whole, and on ranks that share the batch.
import { expect, test } from "vitest";
import { meshOf } from "../../src/ir/mesh.js";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { gptTraining, tinyGpt } from "../tiny-models.js";

const passes = [
  "moveSlicesUp",
  "carryMergesDown",
  "mixPrecision",
  "differentiate",
  "simplify",
  "widenProducts",
  "nameValues",
  "narrowFirst",
  "cutTime",
  "place",
  "insertMoves",
  "cutStages",
  "moveIntoRepeats",
  "makeRounds",
  "keepGathered",
];
const meshes = [{}, { dpReplicate: 2 }, { dpReplicate: 4 }, { dpReplicate: "auto" }] as const;
const programs = [
  ["tied", { ...tinyGpt }],
  ["with a head of its own", { ...tinyGpt, isTied: false, layers: 3 }],
  ["two microbatches", { ...tinyGpt, microbatches: 2 }],
] as const;

test.each(programs.flatMap(([title, config]) => meshes.map((mesh) => ({ title, config, mesh }))))(
  "$title on $mesh",
  ({ config, mesh }) => {
    const program = { ...gptTraining(config), mesh: meshOf(mesh) };
    const compared = comparePasses(
      program,
      inputsFrom({ below: config.vocab, zeroGradients: config.microbatches === 1 }),
    );
    expect(compared.found).toEqual([]);
    expect(compared.passes).toEqual(passes);
  },
);

test("in bf16 too", () => {
  const program = { ...gptTraining(tinyGpt), precision: { compute: "bf16", reduce: "f32" } as const };
  const { found } = comparePasses(program, inputsFrom({ below: tinyGpt.vocab, zeroGradients: true }));
  expect(found).toEqual([]);
});
