// `dreamc plan`: every part adds up, what is sent is what the interpreter sees sent, and runs of a step are counted.
import { describe, expect, test } from "vitest";
import { describePlan } from "../../src/cli/program/describe-plan.js";
import { planOf, sentByAxis } from "../../src/cli/program/plan.js";
import { compileProgram, compileToEnd } from "../../src/compile.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import { shardOf } from "../../src/ir/shards.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";
import { gptTraining, tinyGpt } from "../tiny-models.js";
import { runDreamc } from "./command-line.js";

const gpt = evaluateSmall("gpt");

describe.each([{}, { dpShard: 2 }, { dpReplicate: 2, dpShard: 2 }, { dpShard: "auto" as const }])(
  "on %o",
  (degrees) => {
    const program = { ...gpt, mesh: meshOf(degrees) };
    const scheduled = compileToEnd(program);
    const plans = planOf(scheduled);

    test("the parts of memory add up to the two areas", () => {
      for (const { memory, stateBytes, arenaBytes } of plans) {
        expect(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0)).toBe(stateBytes + arenaBytes);
        for (const bytes of Object.values(memory)) expect(bytes).toBeGreaterThanOrEqual(0);
        expect(memory.parameters).toBeGreaterThan(0);
        expect(memory.gradients).toBeGreaterThan(0);
        expect(memory.activations).toBeGreaterThan(0);
      }
    });

    test("a step sends what simulated ranks send", () => {
      const local = compileProgram(program);
      const inputOf = inputsFrom({ below: 11 });
      for (const plan of plans) {
        let bytes = 0;
        for (const { name, runs } of plan.step.graphs) {
          const graph = local.graphs.get(name)!;
          const { sent } = runLocalGraph(graph, plan.degrees, (value, i, rank) =>
            shardOf(inputOf(graph.inputs[i] as never), value.placement, plan.degrees, rank),
          );
          for (const { elements, dtype } of sent) bytes += runs * elements * numBytesOf[dtype];
        }
        const planned = [...sentByAxis(plan).values()].reduce((sum, each) => sum + each, 0);
        expect(planned).toBeCloseTo(bytes, 6);
        expect(planned > 0).toBe(plan.worldSize > 1);
      }
    });
  },
);

test("a step runs its graph once, with accumulation the other one for all other microbatches", () => {
  const [plan] = planOf(compileToEnd(gpt));
  expect(plan!.step.graphs).toEqual([{ name: "trainingStep", runs: 1 }]);
  const tiny = gptTraining({ ...tinyGpt, microbatches: 2 });
  expect(planOf(compileToEnd(tiny))[0]!.step.graphs).toEqual([
    { name: "accumulate", runs: 1 },
    { name: "step", runs: 1 },
  ]);
});

test("recomputing costs a forward pass of the blocks, sharding divides states, offloading is said", () => {
  const flopsOf = (recomputed: readonly string[]): number =>
    planOf(compileToEnd({ ...gpt, layout: { ...defaultLayout, recomputed } }))[0]!.step.flops;
  // A third of the blocks' work is forward; the head and the updates are done once.
  expect(flopsOf(["model.blocks.*"]) / flopsOf([])).toBeGreaterThan(1.1);
  expect(flopsOf(["model.blocks.*"]) / flopsOf([])).toBeLessThan(1.34);
  const layout = { ...defaultLayout, offloadsOptimizer: true };
  const [plan] = planOf(compileToEnd({ ...gpt, mesh: meshOf({ dpShard: 4 }), layout }));
  const text = describePlan([plan!]);
  console.log(text);
  expect(text).toContain("4 ranks (dpShard 4), each:");
  expect(text).toMatch(/optimizer state, in host memory/);
  expect(text).toMatch(/sent in a step over dpShard by all-gather/);
});

test("the command plans any mesh and any size", async () => {
  const flags = ["--mesh", "dpShard=4", "--set", "hiddenSize=64", "--set", "numLayers=2", "--json"];
  const { exitCode, out } = await runDreamc("plan", "examples/gpt/trainer.ts", ...flags);
  expect(exitCode).toBe(0);
  const [plan] = JSON.parse(out);
  expect(plan.worldSize).toBe(4);
  expect(plan.degrees.dpShard).toBe(4);
  const wrong = await runDreamc("plan", "examples/gpt/trainer.ts", "--set", "hidenSize=64");
  expect(wrong).toEqual({
    exitCode: 2,
    out: "",
    error: "error: the config has no hidenSize\nhelp: did you mean hiddenSize?\n",
  });
});
