// What context parallelism is made of: the sequence is split from the tokens to the loss, keys and values are gathered,
// their gradients scattered, and parameters' gradients reduced; nothing else is sent.
import { expect, test } from "vitest";
import { meshSettings } from "../../src/cli/verify/asked-mesh.js";
import { compileProgram } from "../../src/compile.js";
import { runGraph } from "../../src/ir/interpret.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { NdArray } from "../../src/ir/nd.js";
import { printGraph } from "../../src/ir/print.js";
import type { Program } from "../../src/ir/program.js";
import { shardOf } from "../../src/ir/shards.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import { type InputOf, inputsFrom, runLocal } from "../run-program.js";

const sizes = { vocabSize: 11, hiddenSize: 8, numHeads: 2, numLayers: 2, sequenceLength: 8 };
const batch = 4;
const inputs = inputsFrom({ below: sizes.vocabSize, zeroGradients: true });

function gptOn(cp: number, settings: { readonly [entry: string]: string | number } = {}) {
  const all = {
    ...sizes,
    "trainingParameters.trainBatchSize": batch,
    "deviceParameters.contextParallelRotateMethod": "allgather",
    ...settings,
  };
  const entries = Object.entries(all).map(([entry, value]) => [entry, String(value)] as const);
  const logical = evaluate("examples/gpt/trainer.ts", {
    checkTypes: false,
    settings: new Map([...meshSettings(degreesOf(meshOf({ cp }))), ...entries]),
  });
  let whole = logical;
  const local = compileProgram(logical, {
    onPass: ({ program }) => {
      if (program.level === "logical") whole = program as Program<"logical">;
    },
  });
  const name = [...local.graphs.keys()].find((each) => each.startsWith("trainingStep"))!;
  return { graph: local.graphs.get(name)!, whole: whole.graphs.get(name)!, degrees: degreesOf(local.mesh), local };
}

test.each([2, 4])("on %i ranks, what is sent is what the formula says", (n) => {
  const { graph, degrees, local } = gptOn(n);
  const { sent } = runLocalGraph(graph, degrees, (value, i, rank) =>
    shardOf(inputs(graph.inputs[i]!), value.placement, degrees, rank),
  );
  const elements = (what: string): number =>
    sent.filter((each) => each.what === what).reduce((total, each) => total + each.elements, 0);
  const { hiddenSize, numLayers, sequenceLength } = sizes;
  /** One rank's keys and values of one block. */
  const own = (2 * batch * sequenceLength * hiddenSize) / n;
  expect(new Set(sent.map(({ axis }) => axis))).toEqual(new Set(["cp"]));
  // Gathered once for forward and once for backward: a rank keeps its own alone.
  expect(elements("all-gather")).toBe(2 * (n - 1) * own * numLayers);
  expect(elements("reduce-scatter")).toBe((n - 1) * own * numLayers);
  const parameters = local.states.filter(({ kind }) => kind === "parameter");
  const whole = parameters.reduce((total, { type }) => total + numElements(type.shape), 0);
  const loss = 1;
  expect(elements("all-reduce")).toBeCloseTo((2 * (n - 1) * (whole + loss)) / n, 9);
  expect(new Set(sent.map(({ what }) => what))).toEqual(new Set(["all-gather", "reduce-scatter", "all-reduce"]));
});

test("logits, their gradients and every activation are split along the sequence", () => {
  const { graph } = gptOn(2);
  const text = printGraph(graph);
  expect(text).toContain("f32[4, 7, 11] [-, cp~, -]");
  const held = text.split("\n").filter((line) => /: f32\[4, [78], \d+\] \[-, -, -\] = /.test(line));
  expect(held).toEqual([]);
});

/** Tokens of one kind at the places that `isIgnored` names: the trainer does not count them. */
const ignoring =
  (isIgnored: (place: number) => boolean, ignoreIndex: number): InputOf =>
  (input) => {
    const value = inputs(input);
    if (input.source.kind !== "batch") return value;
    const length = value.shape.at(-1)!;
    return { ...value, data: value.data.map((token, i) => (isIgnored(i % length) ? ignoreIndex : token)) };
  };

test("a rank whose tokens are all ignored adds nothing, and no NaN", () => {
  const settings = new Map(meshSettings(degreesOf(meshOf({ cp: 2 }))));
  const logical = evaluate("test/meshes/trainers/gpt.ts", { checkTypes: false, settings });
  let whole = logical;
  const local = compileProgram(logical, {
    onPass: ({ program }) => {
      if (program.level === "logical") whole = program as Program<"logical">;
    },
  });
  // Of 7 tokens in four pieces of 2, the second rank has pieces 1 and 2: targets 3 to 6.
  const given = ignoring((place) => place >= 3 && place <= 6, 3);
  for (const [name, graph] of local.graphs) {
    if (!/^(trainingStep|accumulation)/.test(name)) continue;
    const one = runGraph(whole.graphs.get(name)!, (source, value) => given({ source, value }));
    const many = runLocal(graph, degreesOf(local.mesh), given, { padding: 7 });
    for (const [label, value] of one.results) expectClose(many.results.get(label)!, value, label);
    for (const [state, value] of one.updates) expectClose(many.updates.get(state)!, value, state.name);
  }
});

function expectClose(found: NdArray, expected: NdArray, what: string): void {
  expected.data.forEach((value, i) => {
    const error = Math.abs(found.data[i]! - value);
    expect(error <= 1e-9 * Math.max(1, Math.abs(value)), `${what} ${i}: ${found.data[i]}, not ${value}`).toBe(true);
  });
}
