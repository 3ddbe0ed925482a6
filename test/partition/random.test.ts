// N simulated ranks are one rank: random models on random meshes with random plans, sizes that do not divide included.
// A failure prints the seed, the model and the mesh.
import fc from "fast-check";
import { expect, test } from "vitest";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Mesh } from "../../src/ir/placement.js";
import type { PlacementPlan, Program } from "../../src/ir/program.js";
import { verifyProgram } from "../../src/ir/verify-program.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { moveIntoRepeats } from "../../src/phases/3-partition/move-into-repeats.js";
import { place } from "../../src/phases/3-partition/place.js";
import { randomNumbers } from "../arrays.js";
import { randomModel, vocab } from "../random-models.js";
import { differences, inputsFrom, runRanks, runWhole } from "../run-program.js";
import { randomMesh, randomPlan } from "./place-randomly.js";

/** Sums in another order. */
const tolerance = 1e-9;
const inputs = inputsFrom({ below: vocab });

function compareWithOneRank(program: Program<"logical">, plan: PlacementPlan | null, about: string): void {
  const logical = eachGraph(eachGraph(program, differentiate), simplify);
  const placed = place(logical, plan);
  const expected = runWhole(logical, inputs);
  for (const local of [insertMoves(placed), moveIntoRepeats(insertMoves(placed))]) {
    expect(
      verifyProgram(local).map(({ message }) => message),
      about,
    ).toEqual([]);
    const found = runRanks(local, degreesOf(program.mesh), inputs, Number.NaN);
    expect(differences(expected, found, tolerance), about).toEqual([]);
  }
}

const describeMesh = (mesh: Mesh): string =>
  Object.entries(mesh.degrees)
    .filter(([, degree]) => degree !== 1)
    .map(([axis, degree]) => `${axis} ${degree}`)
    .join(", ");

test.each([2, 4, 8])("data parallel on %i ranks", (numRanks) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (seed) => {
      const { program, text } = randomModel(seed, { batch: 3 + (seed % 6), numLayers: 2 });
      const mesh = meshOf({ dpReplicate: numRanks });
      compareWithOneRank({ ...program, mesh }, null, `seed ${seed}: ${text}`);
    }),
    { numRuns: 12, seed: numRanks },
  );
});

test.each([0, 1, 2, 3])("every axis, part %i", (part) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (seed) => {
      const next = randomNumbers(seed);
      const mesh = randomMesh(next);
      const model = randomModel(seed, { numLayers: 2 });
      const program = { ...model.program, mesh };
      compareWithOneRank(program, randomPlan(program, next), `seed ${seed} on ${describeMesh(mesh)}: ${model.text}`);
    }),
    { numRuns: Number(process.env.RUNS ?? 40), seed: 100 + part },
  );
});
