// Every mesh in the interpreter, in float64: each graph of the odd trainers on simulated ranks has one rank's numbers, and
// first weights are the same to the last bit.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { Step } from "../../src/ir/graph.js";
import { degreesOf } from "../../src/ir/mesh.js";
import type { Axis } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import { isCollective } from "../../src/ir/traffic.js";
import { differences, inputsFrom, runRanks, runWhole } from "../run-program.js";
import { evaluateOn } from "./evaluate-on.js";
import { meshCases, nameOf } from "./meshes.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });
/** Sums in another order, in float64. */
const tolerance = 1e-9;
const firstWeights = "initialize";

const collectiveAxes = (steps: readonly Step<"local">[]): readonly Axis[] =>
  steps.flatMap((step) => {
    if (step.kind === "repeat") return collectiveAxes(step.body);
    if (step.kind === "stage") return step.act.what === "send" ? ["pp"] : [];
    return step.kind === "move" && isCollective(step.move) ? [step.move.axis] : [];
  });

describe("interpreted", () => {
  test.each(meshCases.map((each) => ({ name: nameOf(each), each })))("$name", ({ each }) => {
    let logical = evaluateOn(each);
    const local = compileProgram(logical, {
      verifies: "every level",
      onPass: ({ level, program }) => {
        if (level === "logical") logical = program as Program<"logical">;
      },
    });
    const whole = runWhole(logical, inputs);
    const spread = runRanks(local, degreesOf(local.mesh), inputs, 7);
    expect(differences(whole, spread, tolerance)).toEqual([]);
    // A mesh on which nothing is spread would have the right numbers too.
    expect(new Set(collectiveAxes([...local.graphs.values()].flatMap(({ steps }) => steps)))).toEqual(
      new Set(Object.keys(each.degrees)),
    );
    const only = (runs: typeof whole) => new Map([[firstWeights, runs.get(firstWeights)!]]);
    expect(differences(only(whole), only(spread), 0)).toEqual([]);
  });
});
