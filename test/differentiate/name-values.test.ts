// Everything that is made has a name that says what it is.
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import { valuesOf } from "../../src/ir/steps.js";
import { contract, exp, sum } from "../../src/ops/table.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { nameValues } from "../../src/phases/2-differentiate/name-values.js";

test("values are called after their module, gradients after what they are the gradient of", () => {
  const g = new GraphBuilder("names");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [3, 4], dtype: "f32" }, "x");
  const weight = g.input({ kind: "batch", field: "w" }, { shape: [4, 5], dtype: "f32" }, "proj.weight");
  const logits = g.at({ origin: null, scope: "model.blocks.0.proj", phase: "forward" }, () => {
    const [product] = g.emit(contract, [x, weight], { factors: "mk,kn->mn" });
    return g.emit(exp, [product!], {}, { name: "logits" })[0]!;
  });
  const [loss] = g.emit(sum, [logits], { dims: [0, 1] });
  const [gradient] = g.gradient(loss!, [weight]);
  const named = nameValues(differentiate(g.finish({ results: [{ name: "gradient", value: gradient! }] })));
  const names = [...valuesOf(named)].map(({ name }) => name);
  expect(names).not.toContain("");
  expect(names).toEqual(expect.arrayContaining(["proj", "logits", "grad.logits", "grad.proj"]));
  expect(named.results[0]!.value.name).toBe("grad.proj.weight");
});
