// The examples, made small: scheduled programs compute what their local graphs say, with kernels joined and alone, in
// every variant.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { meshOf, numRanks } from "../../src/ir/mesh.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { differences, inputsFrom, runRanks } from "../run-program.js";
import { evaluateSmall, smallExamples } from "../small-examples.js";
import { runScheduled, withoutSums } from "./run-scheduled.js";

const inputs = inputsFrom({ below: 11 });
/** Sums in another order. */
const tolerance = 1e-9;

describe.each(smallExamples)("%s", (example) => {
  const traced = evaluateSmall(example);

  test.each([
    [{ dpReplicate: "auto" }, true],
    [{ dpReplicate: "auto" }, false],
    [{ dpShard: "auto" }, true],
    [{ dpReplicate: 2, dpShard: 2 }, true],
  ] as const)("%o, joined: %s", (degrees, fusesKernels) => {
    const program = compileProgram({ ...traced, mesh: meshOf(degrees), layout: { ...traced.layout, fusesKernels } });
    const scheduled = schedule(program);
    expect(verifyScheduled(scheduled)).toEqual([]);
    for (const [variant, { degrees }] of scheduled.variants.entries()) {
      if (numRanks(degrees) > 4) continue;
      const expected = withoutSums(runRanks(program, degrees, inputs), program);
      expect(differences(expected, runScheduled(scheduled, variant, inputs), tolerance)).toEqual([]);
    }
  });
});
