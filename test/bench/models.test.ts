// The sizes that the benchmark counts with.
import { expect, it } from "vitest";
import { gpt2, numParameters, productsOf, tokensPerStep } from "../../bench/models.js";

it("counts GPT-2's parameters", () => {
  expect(numParameters(gpt2)).toBe(124_439_808);
});

it("counts products as six operations for each token and weight that is multiplied, and attention's", () => {
  const flops = productsOf(gpt2).reduce((sum, { batch, m, k, n, count }) => sum + count * 2 * batch * m * k * n, 0);
  const { hidden, layers, vocabulary, sequence, batch } = gpt2;
  const rows = tokensPerStep(gpt2);
  const linear = 6 * (rows * layers * 12 * hidden ** 2 + batch * (sequence - 1) * vocabulary * hidden);
  const attention = (7 / 2) * 2 * layers * rows * sequence * hidden;
  expect(flops).toBe(linear + attention);
});
