// Merged dims stay apart behind a merge, with the same results.
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph } from "../../src/ir/graph.js";
import { runGraph } from "../../src/ir/interpret.js";
import * as ops from "../../src/ops/table.js";
import { carryMergesDown } from "../../src/phases/2-differentiate/carry-merges-down.js";

const numbers = (shape: readonly number[]) => {
  const size = shape.reduce((n, each) => n * each, 1);
  return { shape, data: Float64Array.from({ length: size }, (_, i) => Math.abs(Math.round(Math.sin(i * 1.7) * 3))) };
};
const run = (graph: LogicalGraph) => runGraph(graph, (_, value) => numbers(value.type.shape)).results;
const opNames = (graph: LogicalGraph) => graph.steps.map((step) => (step.kind === "op" ? step.op.name : step.kind));

function loss(isWeighted: boolean): LogicalGraph {
  const g = new GraphBuilder("loss");
  const logits = g.input({ kind: "batch", field: "logits" }, { shape: [2, 3, 5], dtype: "f32" }, "logits");
  const targets = g.input({ kind: "batch", field: "targets" }, { shape: [2, 3], dtype: "i32" }, "targets");
  const [rows] = g.emit(ops.regroup, [logits], { factors: "btv->(bt)v", sizes: { t: 3 } });
  const [aims] = g.emit(ops.regroup, [targets], { factors: "bt->(bt)", sizes: { t: 3 } });
  const [each] = g.emit(ops.crossEntropy, [rows!, aims!], { ignoreIndex: 1, start: 0 });
  const [one] = g.emit(ops.constant, [], { shape: [], dtype: "f32", value: 2 });
  const [spread] = g.emit(ops.regroup, [one!], { factors: "->n", sizes: { n: 6 } });
  const weights = isWeighted
    ? g.input({ kind: "batch", field: "weights" }, { shape: [6], dtype: "f32" }, "weights")
    : spread!;
  const [weighted] = g.emit(ops.mul, [each!, weights], {});
  const [total] = g.emit(ops.sum, [weighted!], { dims: [0] });
  return g.finish({ results: [{ name: "loss", value: total! }] });
}

test("cross-entropy and a sum over merged rows work on both dims", () => {
  const before = loss(false);
  const after = carryMergesDown(before);
  expect(opNames(after)).toEqual(["crossEntropy", "constant", "regroup", "mul", "sum"]);
  expect(after.steps.every((step) => step.kind === "op" && step.outputs[0]!.type.shape.length !== 1)).toBe(true);
  expect(run(after)).toEqual(run(before));
});

test("what meets an operand that was never apart is merged before", () => {
  const before = loss(true);
  const after = carryMergesDown(before);
  expect(opNames(after)).toEqual(["crossEntropy", "regroup", "mul", "sum"]);
  expect(run(after)).toEqual(run(before));
});

test("a graph without merges is the same graph", () => {
  const g = new GraphBuilder("plain");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 6], dtype: "f32" }, "x");
  const [y] = g.emit(ops.regroup, [x], { factors: "a(bc)->abc", sizes: { b: 2, c: 3 } });
  const graph = g.finish({ results: [{ name: "y", value: y! }] });
  expect(carryMergesDown(graph)).toBe(graph);
});
