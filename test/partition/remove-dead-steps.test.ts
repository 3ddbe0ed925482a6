// What nobody reads goes, but not what other places of a pipeline wait for.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { evaluateSmall } from "../small-examples.js";

test("every place of a pipeline takes part in sums over pp, also where it does not read them", () => {
  const degrees = { dpReplicate: 1, pipelineParallel: 2, tensorParallel: 2, dpShard: 2 };
  const settings = Object.entries(degrees).map(([entry, degree]) => [`deviceParameters.${entry}`, degree] as const);
  // Verified: a place that lacks one leaves the others waiting.
  const { graphs } = compileProgram(
    evaluateSmall("gpt", undefined, { vocabSize: 12, ...Object.fromEntries(settings) }),
  );
  const sums = ["trainingStep.0", "trainingStep.1"].map(
    (name) => graphs.get(name)!.steps.filter((step) => step.kind === "move" && step.move.axis === "pp").length,
  );
  expect(sums[0]).toBeGreaterThan(0);
  expect(sums[0]).toBe(sums[1]);
});
