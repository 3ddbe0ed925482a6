// What only a slice reads is computed for the sliced places alone, with the same results.
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph } from "../../src/ir/graph.js";
import { runGraph } from "../../src/ir/interpret.js";
import { contract, exp, layerNorm, regroup, slice } from "../../src/ops/table.js";
import { moveSlicesUp } from "../../src/phases/2-differentiate/move-slices-up.js";

const numbers = (shape: readonly number[]) => {
  const size = shape.reduce((n, each) => n * each, 1);
  return { shape, data: Float64Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + size)) };
};
const run = (graph: LogicalGraph) => runGraph(graph, (_, value) => numbers(value.type.shape)).results;
const opNames = (graph: LogicalGraph) => graph.steps.map((step) => (step.kind === "op" ? step.op.name : step.kind));

function head(isReadTwice: boolean): LogicalGraph {
  const g = new GraphBuilder("head");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 5, 4], dtype: "f32" }, "x");
  const weight = g.input({ kind: "batch", field: "w" }, { shape: [7, 4], dtype: "f32" }, "w");
  const [normed] = g.emit(layerNorm, [x], { eps: 1e-5 });
  const [logits] = g.emit(contract, [normed!, weight], { factors: "btc,vc->btv" });
  const [grown] = g.emit(exp, [logits!], {});
  const [cut] = g.emit(slice, [grown!], { dim: 1, start: 0, count: 4, step: 1, size: 5 });
  const [flat] = g.emit(regroup, [cut!], { factors: "btv->(bt)v", sizes: { t: 4 } });
  const results = [{ name: "flat", value: flat! }];
  return g.finish({ results: isReadTwice ? [...results, { name: "logits", value: logits! }] : results });
}

test("a slice moves in front of everything that carries its dim", () => {
  const before = head(false);
  const after = moveSlicesUp(before);
  expect(opNames(after)).toEqual(["slice", "layerNorm", "contract", "exp", "regroup"]);
  expect(run(after)).toEqual(run(before));
});

test("what others read too is computed whole", () => {
  const before = head(true);
  const after = moveSlicesUp(before);
  expect(opNames(after)).toEqual(["layerNorm", "contract", "slice", "exp", "regroup"]);
  expect(run(after)).toEqual(run(before));
});

test("slices of one value in several places stay where they are", () => {
  const g = new GraphBuilder("two");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [6, 4], dtype: "f32" }, "x");
  const [y] = g.emit(exp, [x], {});
  const [first] = g.emit(slice, [y!], { dim: 0, start: 0, count: 3, step: 1, size: 6 });
  const [second] = g.emit(slice, [y!], { dim: 0, start: 3, count: 3, step: 1, size: 6 });
  const graph = g.finish({
    results: [
      { name: "first", value: first! },
      { name: "second", value: second! },
    ],
  });
  expect(opNames(moveSlicesUp(graph))).toEqual(["exp", "slice", "slice"]);
});
