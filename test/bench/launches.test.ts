// The count of launches and bytes, on a small GPT whose figures are known.
import { expect, test } from "vitest";
import { countLaunches } from "../../bench/launches.js";
import { compile } from "../../src/compile.js";
import { parsed } from "../evaluate/parsed.js";

const [layers, batch] = [3, 4];
const settings = new Map([
  ["numLayers", `${layers}`],
  ["hiddenSize", "32"],
  ["numHeads", "4"],
  ["vocabSize", "64"],
  ["sequenceLength", "16"],
  ["trainingParameters.trainBatchSize", `${batch}`],
]);
const { graphs, variants, program } = compile("examples/gpt/trainer.ts", {
  settings,
  checkTypes: false,
  parsed,
  verifies: "every level",
});
const counted = countLaunches(graphs.get("trainingStep")!, variants[0]!.degrees, 0);
const numParameters = program.states
  .filter(({ trainable }) => trainable)
  .reduce((sum, { type }) => sum + type.shape.reduce((n, size) => n * size, 1), 0);

test("AdamW reads gradient, weight and moments and writes three of them; the norm reads every gradient", () => {
  const update = counted.filter(({ name }) => name.includes(" of ") && name.startsWith("add") && name.includes("Sqrt"));
  const bytes = update.reduce((sum, each) => sum + each.bytes, 0);
  const tensors = program.states.filter(({ trainable }) => trainable).length;
  // Beside them each tensor reads a few numbers.
  expect(bytes).toBeGreaterThanOrEqual(28 * numParameters);
  expect(bytes).toBeLessThanOrEqual(28 * numParameters + 32 * tensors);
  const norm = counted.filter(({ name }) => name.startsWith("squareSum")).reduce((sum, each) => sum + each.bytes, 0);
  expect(norm).toBeGreaterThanOrEqual(4 * numParameters);
  expect(norm).toBeLessThanOrEqual(4 * numParameters + 4 * tensors);
});

test("launches in loops count once for each round, products without bytes", () => {
  const products = counted.filter(({ name }) => name === "matmul");
  // Six products a block and one for the logits, each with two in backward.
  expect(products.reduce((sum, { launches }) => sum + launches, 0)).toBe(3 * (6 * layers + 1));
  expect(products.every(({ bytes }) => bytes === 0)).toBe(true);
  const attention = counted.find(({ name }) => name === "attention")!;
  // Queries, keys, values and the result, and a log-sum-exp for each query.
  expect(attention.bytes).toBe(layers * 4 * batch * 16 * (4 * 32 + 4));
});
