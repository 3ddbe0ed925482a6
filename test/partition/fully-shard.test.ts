// FSDP and HSDP: what is gathered, scattered and reduced, and that every pass keeps the answer.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { LocalGraph, MoveStep, Step } from "../../src/ir/graph.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Mesh } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import { shardOf } from "../../src/ir/shards.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall, smallExamples } from "../small-examples.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });
const meshes: readonly (readonly [string, Mesh])[] = [
  ["fsdp 2", meshOf({ dpShard: 2 })],
  ["fsdp 4", meshOf({ dpShard: 4 })],
  ["hsdp 2x2", meshOf({ dpReplicate: 2, dpShard: 2 })],
];
const movesOf = (steps: readonly Step<"local">[]): readonly MoveStep[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? movesOf(step.body) : step.kind === "move" ? [step] : []));
const stepOf = (program: Program<"local">): LocalGraph =>
  [...program.graphs.values()].find(({ name }) => name.startsWith("trainingStep"))!;

describe.each(smallExamples)("%s", (example) => {
  const program = evaluateSmall(example);
  test.each(meshes)("every pass keeps the answer on %s", (_, mesh) => {
    expect(comparePasses({ ...program, mesh }, inputs).found).toEqual([]);
  });
});

describe("gpt", () => {
  /** Hidden size, vocabulary and sequence divide by the ranks, so that no padding is sent. */
  const program = evaluateSmall("gpt", {
    ...{ hiddenSize: 8, numLayers: 2, numHeads: 4, vocabSize: 12, sequenceLength: 8, trainBatchSize: 4 },
  });

  test("a gradient is scattered to where its parameter rests, and reduced over replicas there", () => {
    const graph = stepOf(compileProgram({ ...program, mesh: meshOf({ dpReplicate: 2, dpShard: 2 }) }));
    const moves = movesOf(graph.steps).filter(({ inputs: [{ type }] }) => type.shape.length > 0);
    const kinds = new Set(moves.map(({ move: { what, axis, dim } }) => `${what} ${axis} ${dim}`));
    expect([...kinds].sort()).toEqual([
      "all-gather dpShard 0",
      "all-reduce dpReplicate -1",
      "reduce-scatter dpShard 0",
    ]);
    const reduced = moves.filter(({ move }) => move.what === "all-reduce");
    expect(reduced.every(({ inputs: [{ placement }] }) => placement.dims[0]!.axes.includes("dpShard"))).toBe(true);
  });

  test.each([2, 4])("what is sent on %i ranks is the textbook's", (ranks) => {
    const local = compileProgram({ ...program, mesh: meshOf({ dpShard: ranks }) });
    const graph = stepOf(local);
    const degrees = degreesOf(local.mesh);
    const { sent } = runLocalGraph(graph, degrees, (value, i, rank) =>
      shardOf(inputs(graph.inputs[i]!), value.placement, degrees, rank),
    );
    const total = (what: string): number => sent.reduce((n, each) => n + (each.what === what ? each.elements : 0), 0);
    const parameters = local.states.filter(({ kind }) => kind === "parameter");
    const count = (states: typeof parameters): number => states.reduce((n, { type }) => n + numElements(type.shape), 0);
    const used = count(parameters);
    // Backward reads no biases of linear layers. What is outside of repeats is kept, as PyTorch keeps its root's.
    const readAgain = count(parameters.filter(({ name }) => /blocks/.test(name) && !/Proj\.bias$/.test(name)));
    const share = (ranks - 1) / ranks;
    expect(total("all-gather")).toBeCloseTo(share * (used + readAgain), 9);
    expect(total("reduce-scatter")).toBeCloseTo(share * used, 9);
    // The loss, the count of tokens, the norm.
    expect(total("all-reduce")).toBeCloseTo(2 * share * 3, 9);
  });
});

test.each([false, true])("microbatches add up whole: %s", (accumulatesWhole) => {
  const program = evaluateSmall("llama");
  const spread = { ...program, mesh: meshOf({ dpShard: 2 }), layout: { ...program.layout, accumulatesWhole } };
  const { found, local } = comparePasses(spread, inputs);
  expect(found).toEqual([]);
  const scatters = (name: string): number =>
    [...local.graphs.values()]
      .filter((graph) => graph.name.startsWith(name))
      .flatMap(({ steps }) => movesOf(steps))
      .filter(({ move }) => move.what === "reduce-scatter").length;
  const numGradients = scatters("trainingStep");
  expect(numGradients).toBeGreaterThan(8);
  expect(scatters("accumulation")).toBe(accumulatesWhole ? 0 : numGradients);
  const reduced = [...local.graphs.values()].flatMap(({ steps }) => movesOf(steps));
  const tensors = reduced.filter(({ move, inputs: [{ type }] }) => move.what === "all-reduce" && type.shape.length > 0);
  expect(tensors).toEqual([]);
});

test.each(["f32", "bf16"] as const)("bf16 parameters are gathered as such, gradients summed in %s", (reduce) => {
  const program = evaluateSmall("gpt");
  const spread: Program<"logical"> = {
    ...{ ...program, mesh: meshOf({ dpReplicate: 2, dpShard: 2 }), precision: { compute: "bf16", reduce } },
  };
  const { found, local } = comparePasses(spread, inputs);
  expect(found).toEqual([]);
  const moves = movesOf(stepOf(local).steps).filter(({ inputs: [{ type }] }) => type.shape.length > 0);
  const dtypes = (is: (move: MoveStep) => boolean): readonly string[] => [
    ...new Set(moves.filter(is).map(({ inputs: [{ type }] }) => type.dtype)),
  ];
  const isGather = ({ move }: MoveStep): boolean => move.what === "all-gather";
  expect(dtypes((step) => isGather(step) && /Proj.weight/.test(step.inputs[0].name))).toEqual(["bf16"]);
  // Norms compute in f32; the table is read by its rows in f32, and so gathered once.
  expect(dtypes((step) => isGather(step) && /norm|Embedding/.test(step.inputs[0].name))).toEqual(["f32"]);
  expect(dtypes((step) => !isGather(step))).toEqual([reduce]);
  const repeat = stepOf(local).steps.find((step) => step.kind === "repeat" && step.phase === "backward");
  const inside = movesOf(repeat?.kind === "repeat" ? repeat.body : []).filter((step) => !isGather(step));
  expect(inside).toHaveLength(32);
});
