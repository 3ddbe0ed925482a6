// Config values that are given to the evaluation: they take the place of the trainer's own, also where they shape tensors.
import { expect, test } from "vitest";
import { Diagnosed } from "../../src/diagnostics/diagnostic.js";
import type { Program } from "../../src/ir/program.js";
import { evaluate, UnknownSettings } from "../../src/phases/1-evaluate/evaluate.js";

const gpt = (settings: { readonly [path: string]: string }): Program<"logical"> =>
  evaluate("examples/gpt/trainer.ts", { checkTypes: false, settings: new Map(Object.entries(settings)) });

const faultOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (fault) {
    return fault;
  }
  return null;
};

test("they shape tensors, and what is not set stays", () => {
  const small = { hiddenSize: "8", numHeads: "2", vocabSize: "11", "trainingParameters.trainBatchSize": "6" };
  const { config, loaders, states } = gpt({ ...small, datasetPath: "1984", "deviceParameters.dpReplicate": "2" });
  const valueOf = (path: string): unknown => config.find((entry) => entry.path === path)!.value;
  expect(loaders.map(({ batchSize }) => batchSize)).toEqual([6, 6]);
  expect(states.find(({ name }) => name === "model.tokenEmbedding.weight")!.type.shape).toEqual([11, 8]);
  expect(valueOf("datasetPath")).toBe("1984");
  expect(valueOf("deviceParameters.dpReplicate")).toBe(2);
  expect(valueOf("trainingParameters.gradientClipVal")).toBe(1);
});

test("a name that is no entry is refused, with the entries there are", () => {
  const fault = faultOf(() => gpt({ hidenSize: "8" })) as UnknownSettings;
  expect(fault).toBeInstanceOf(UnknownSettings);
  expect(fault.unknown).toEqual(["hidenSize"]);
  expect(fault.known).toContain("hiddenSize");
  expect(fault.known).toContain("trainingParameters.valFrequency");
  expect(fault.known).not.toContain("callbacks");
});

test("a value that its schema refuses is no fault at a place of the trainer", () => {
  const fault = faultOf(() => gpt({ hiddenSize: "many" })) as Diagnosed;
  expect(fault).toBeInstanceOf(Diagnosed);
  expect(fault.diagnostics.map(({ id, origin }) => ({ id, origin }))).toEqual([{ id: "config-value", origin: null }]);
});
