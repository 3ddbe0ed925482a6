// A product that only a cast to float32 reads hands out float32 itself.
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph } from "../../src/ir/graph.js";
import { showType } from "../../src/ir/tensor-type.js";
import { cast, contract, exp, regroup } from "../../src/ops/table.js";
import { widenProducts } from "../../src/phases/2-differentiate/widen-products.js";

const shown = (graph: LogicalGraph): readonly string[] =>
  graph.steps.map((step) => (step.kind === "op" ? `${step.op.name} ${showType(step.outputs[0]!.type)}` : step.kind));

function product(isReadTwice: boolean): LogicalGraph {
  const g = new GraphBuilder("product");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [3, 4], dtype: "bf16" }, "x");
  const w = g.input({ kind: "batch", field: "w" }, { shape: [4, 5], dtype: "bf16" }, "w");
  const [y] = g.emit(contract, [x, w], { factors: "mk,kn->mn" });
  const [turned] = g.emit(regroup, [y!], { factors: "ab->ba", sizes: {} });
  const [wide] = g.emit(cast, [turned!], { dtype: "f32" });
  const results = [{ name: "wide", value: wide! }];
  if (!isReadTwice) return g.finish({ results });
  return g.finish({ results: [...results, { name: "other", value: g.emit(exp, [y!], {})[0]! }] });
}

test("through a view", () => {
  const before = product(false);
  const after = widenProducts(before);
  expect(shown(after)).toEqual(["contract f32[3, 5]", "regroup f32[5, 3]"]);
  expect(after.results[0]!.value.id).toBe(before.results[0]!.value.id);
});

test("not where others read the narrow result", () => {
  const before = product(true);
  expect(shown(widenProducts(before))).toEqual(shown(before));
});
