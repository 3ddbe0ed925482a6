// Tensor parallel where sizes are odd: heads that do not divide, key heads that several ranks' query heads share, a prime
// vocabulary of which no rank ever holds all.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { LocalGraph, MoveStep, Step } from "../../src/ir/graph.js";
import { valuesOf } from "../../src/ir/steps.js";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";

const sizes = { hiddenSize: 8, numLayers: 1, numHeads: 4, vocabSize: 61, sequenceLength: 7, trainBatchSize: 2 };
const settings = (tensorParallel: number, more: { readonly [entry: string]: number } = {}) => ({
  "deviceParameters.dpReplicate": 1,
  "deviceParameters.lossParallel": true,
  "deviceParameters.tensorParallel": tensorParallel,
  ...Object.fromEntries(Object.entries(more).map(([entry, value]) => [`deviceParameters.${entry}`, value])),
});
const stepOf = (graphs: ReadonlyMap<string, LocalGraph>): LocalGraph =>
  [...graphs.values()].find(({ name }) => name.startsWith("trainingStep"))!;
const movesOf = (steps: readonly Step<"local">[]): readonly MoveStep[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? movesOf(step.body) : step.kind === "move" ? [step] : []));

const gpt = (width: number, numHeads: number) => ["gpt", { ...sizes, hiddenSize: width, numHeads }] as const;
const llama = (width: number, numHeads: number, numKeyValueHeads: number) =>
  ["llama", { ...sizes, hiddenSize: width, numHeads, numKeyValueHeads, intermediateSize: 10 }] as const;

describe.each([
  ["3 heads on 2 ranks", gpt(6, 3), settings(2)],
  ["3 heads on 4 ranks", gpt(6, 3), settings(4)],
  ["3 heads on 2 ranks, sharded over 2", gpt(6, 3), settings(2, { dpShard: 2 })],
  ["6 query heads with 3 key heads on 2 ranks", llama(12, 6, 3), settings(2)],
  ["6 query heads with 3 key heads on 4 ranks", llama(12, 6, 3), settings(4)],
  ["4 query heads with 2 key heads on 4 ranks", llama(8, 4, 2), settings(4)],
  ["8 query heads with 2 key heads on 8 ranks", llama(16, 8, 2), settings(8)],
  ["4 query heads with 1 key head on 2 ranks, sequences over 2", llama(8, 4, 1), settings(2, { contextParallel: 2 })],
] as const)("%s", (title, [example, small], given) => {
  const program = evaluateSmall(example, small, given);

  test("has one rank's numbers after every pass", () => {
    const inputs = inputsFrom({ below: sizes.vocabSize, zeroGradients: true });
    expect(comparePasses(program, inputs, { mostRanks: 8, padding: Number.NaN }).found).toEqual([]);
  });

  test("gathers no heads and no weights over tensor-parallel ranks", () => {
    const moves = movesOf(stepOf(compileProgram(program).graphs).steps).filter(({ move }) => move.axis === "tp");
    const gathered = moves.filter(({ move }) => move.what === "all-gather" || move.what === "all-to-all");
    expect(gathered.length, title).toBeGreaterThan(0);
    for (const { outputs } of gathered) expect(outputs[0].type.shape.slice(2)).toEqual([small.hiddenSize]);
  });
});

test.each([
  ["gpt", 61, 2],
  ["gpt", 61, 4],
  ["gpt", 257, 8],
  ["llama", 61, 2],
  ["llama", 257, 4],
] as const)("no rank ever holds all classes: %s with %i of them on %i ranks", (example, vocabSize, ranks) => {
  const own = example === "llama" ? { numKeyValueHeads: 2, intermediateSize: 10 } : {};
  const program = evaluateSmall(example, { ...sizes, ...own, vocabSize }, settings(ranks));
  const graph = stepOf(compileProgram(program).graphs);
  const whole = [...valuesOf(graph)].filter(({ type, placement }) =>
    type.shape.some((size, dim) => size === vocabSize && !placement.dims[dim]!.axes.includes("tp")),
  );
  expect(whole.map(({ id, name, type }) => `%${id} ${name} [${type.shape}]`)).toEqual([]);
});
