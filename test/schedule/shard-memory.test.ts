// FSDP in memory: of n ranks each holds an n-th of parameters, gradients and optimizer state, and of whole parameters
// those of the root, and as many units as are in use or on their way.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { memoryPlan } from "../../src/ir/memory-plan.js";
import { meshOf } from "../../src/ir/mesh.js";
import { numBytesOf, numElements } from "../../src/ir/tensor-type.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { evaluateSmall } from "../small-examples.js";

/** All sizes divide by the ranks, so that nothing is padded. */
const llama = evaluateSmall("llama", {
  ...{ hiddenSize: 32, numLayers: 4, numHeads: 4, numKeyValueHeads: 2, intermediateSize: 64 },
  ...{ vocabSize: 64, sequenceLength: 8, trainBatchSize: 16 },
});
const planOn = (dpShard: number, prefetch: number) => {
  const program = { ...llama, mesh: meshOf({ dpShard }), layout: { ...llama.layout, prefetch } };
  return memoryPlan(schedule(compileProgram(program)));
};
const bytesOf = (pattern: RegExp): number =>
  llama.states
    .filter(({ kind, name }) => kind === "parameter" && pattern.test(name))
    .reduce((n, { type }) => n + numElements(type.shape) * numBytesOf[type.dtype], 0);
const unit = bytesOf(/\.0\./);
const root = bytesOf(/^\D*$/);

const whole = planOn(1, 1);

test.each([
  [2, 1],
  [4, 0],
  [8, 1],
  [8, 2],
])("on %i ranks, %i units ahead", (ranks, prefetch) => {
  expect(unit).toBeGreaterThan(0);
  const plan = planOn(ranks, prefetch);
  const kinds = ["parameter", "gradient", "optimizer"] as const;
  for (const kind of kinds) {
    const bytes = (of: typeof plan): number => of.states.find((each) => each.kind === kind)!.bytes;
    expect(bytes(plan) * ranks, kind).toBe(bytes(whole));
  }
  const step = plan.graphs.find(({ graph }) => graph.startsWith("trainingStep"))!;
  expect(step.mostOf.gathered).toBeLessThanOrEqual(root + (prefetch + 1) * unit);
  expect(step.mostOf.gathered).toBeGreaterThanOrEqual((prefetch + 1) * unit);
});
