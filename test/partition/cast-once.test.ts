// In bf16 a weight is cast once a step, whatever reads it, and where it is gathered it is cast in its round as before.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { Step } from "../../src/ir/graph.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";

const layers = 3;
const program: Program<"logical"> = {
  ...evaluateSmall("gpt", {
    ...{ hiddenSize: 8, numLayers: layers, numHeads: 2, vocabSize: 12, sequenceLength: 8, trainBatchSize: 4 },
  }),
  precision: { compute: "bf16", reduce: "f32" },
};

/** By id of what is cast to bf16, how often it is in a step: what is stacked in a body counts as its items. */
function castsIn(steps: readonly Step<"local">[], meant = new Map<number, readonly number[]>()): number[] {
  return steps.flatMap((step): number[] => {
    const idsOf = (id: number): readonly number[] => meant.get(id) ?? [id];
    if (step.kind === "repeat") {
      const inside = step.stacked.map(({ items, each }) => [each.id, items.flatMap(({ id }) => idsOf(id))] as const);
      return castsIn(step.body, new Map(inside));
    }
    if (step.kind !== "op") return [];
    const [input, output] = [step.inputs[0], step.outputs[0]];
    if (step.op.name === "regroup" && meant.has(input!.id)) meant.set(output!.id, idsOf(input!.id));
    return step.op.name === "cast" && output!.type.dtype === "bf16" ? [...idsOf(input!.id)] : [];
  });
}

/** How often each weight of the blocks is cast. */
function countsOn(mesh: Program["mesh"]): readonly number[] {
  const graph = [...compileProgram({ ...program, mesh }).graphs.values()].find(({ name }) =>
    name.startsWith("trainingStep"),
  )!;
  const weights = graph.inputs.flatMap(({ value, source }) =>
    source.kind === "state" && source.state.kind === "parameter" && /blocks.*(Proj)\.weight/.test(source.state.name)
      ? [value.id]
      : [],
  );
  expect(weights.length).toBe(6 * layers);
  const casts = castsIn(graph.steps);
  return weights.map((id) => casts.filter((each) => each === id).length);
}

test("a weight that every rank holds is cast once", () => {
  expect(new Set(countsOn(meshOf({})))).toEqual(new Set([1]));
  expect(new Set(countsOn(meshOf({ dpReplicate: 2 })))).toEqual(new Set([1]));
});

test("a weight that is gathered is cast where it is gathered, forward and backward", () => {
  expect(new Set(countsOn(meshOf({ dpShard: 2 })))).toEqual(new Set([2]));
});

test.each([meshOf({ dpReplicate: 2 }), meshOf({ dpShard: 2 }), meshOf({ tp: 2 }), meshOf({ pp: 3 })])(
  "every pass keeps the answer on $degrees",
  (mesh) => {
    expect(comparePasses({ ...program, mesh }, inputsFrom({ below: 12, zeroGradients: true })).found).toEqual([]);
  },
);
