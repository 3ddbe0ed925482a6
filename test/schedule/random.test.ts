// Random models on random meshes with random plans: the scheduled program is the local one. Padding is poisoned.
import fc from "fast-check";
import { expect, test } from "vitest";
import { degreesOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { moveIntoRepeats } from "../../src/phases/3-partition/move-into-repeats.js";
import { place } from "../../src/phases/3-partition/place.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { randomNumbers } from "../arrays.js";
import { randomMesh, randomPlan } from "../partition/place-randomly.js";
import { randomModel, vocab } from "../random-models.js";
import { differences, inputsFrom, runRanks } from "../run-program.js";
import { runScheduled, withoutSums } from "./run-scheduled.js";

/** Sums in another order. */
const tolerance = 1e-9;
const inputs = inputsFrom({ below: vocab });

function compare(program: Program<"local">, isFused: boolean, about: string): void {
  const expected = withoutSums(runRanks(program, degreesOf(program.mesh), inputs, 3), program);
  const scheduled = schedule(program, { isFused });
  expect(verifyScheduled(scheduled), about).toEqual([]);
  expect(differences(expected, runScheduled(scheduled, 0, inputs, 3), tolerance), about).toEqual([]);
}

test.each([true, false])("random models on every axis, joined: %s", (isFused) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (seed) => {
      const next = randomNumbers(seed);
      const mesh = randomMesh(next);
      const model = randomModel(seed, { numLayers: 2 });
      const program = { ...model.program, mesh };
      const logical = eachGraph(eachGraph(program, differentiate), simplify);
      const local = moveIntoRepeats(insertMoves(place(logical, randomPlan(program, next))));
      compare(local, isFused, `seed ${seed}: ${model.text}`);
    }),
    { numRuns: 25, seed: isFused ? 1 : 2 },
  );
});
