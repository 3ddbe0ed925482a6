// What is left out says nothing: the same numbers from fewer steps, and gradients that live within a step are not kept.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph, LogicalValue } from "../../src/ir/graph.js";
import { verifyGraph } from "../../src/ir/verify.js";
import * as ops from "../../src/ops/table.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { randomModel, vocab } from "../random-models.js";
import { differences, inputsFrom, runWhole } from "../run-program.js";
import { layersOn, stateOf } from "../tiny-models.js";

type Layers = ReturnType<typeof layersOn>;

/** The ops that are left of what `body` makes of an input and a parameter. */
function left(body: (c: Layers, x: LogicalValue, w: LogicalValue) => LogicalValue): readonly string[] {
  const g = new GraphBuilder("graph");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 6], dtype: "f32" }, "x");
  const state = stateOf("parameter", "w", [2, 6]);
  const w = g.input({ kind: "state", state }, state.type, "w");
  const value = body(layersOn(g), x, w);
  const graph = simplify(g.finish({ results: [{ name: "y", value }] }));
  expect(verifyGraph(graph)).toEqual([]);
  return graph.steps.map((step) => (step.kind === "op" ? step.op.name : step.kind));
}

describe("leaves", () => {
  test("nothing of x + 0, x * 1, x - 0, x / 1", () => {
    expect(left((c, x) => c.add(x, c.number(0, x)))).toEqual([]);
    expect(left((c, x) => c.one(ops.mul, [c.number(1, x), x], {}))).toEqual([]);
    expect(left((c, x) => c.one(ops.sub, [x, c.number(0, x)], {}))).toEqual([]);
    expect(
      left((c, x) => c.one(ops.div, [x, c.spread(c.number(1, { ...x, type: { shape: [], dtype: "f32" } }), x)], {})),
    ).toEqual([]);
  });
  test("0 * x and 0 - x as they are: x may be no number", () => {
    expect(left((c, x) => c.one(ops.mul, [c.number(0, x), x], {}))).toEqual(["constant", "mul"]);
    expect(left((c, x) => c.one(ops.sub, [c.number(0, x), x], {}))).toEqual(["constant", "sub"]);
  });
  test("one view of two, and none that changes nothing", () => {
    const halves = { factors: "a(bc)->abc", sizes: { b: 2, c: 3 } };
    const back = { factors: "abc->a(bc)", sizes: { b: 2, c: 3 } };
    expect(left((c, x) => c.one(ops.regroup, [c.one(ops.regroup, [x], halves)], back))).toEqual([]);
    const turn = { factors: "abc->(ba)c", sizes: { a: 2 } };
    expect(left((c, x) => c.one(ops.regroup, [c.one(ops.regroup, [x], halves)], turn))).toEqual(["regroup"]);
  });
  test("one number of arithmetic on numbers", () => {
    const y = (c: Layers, x: LogicalValue) => c.one(ops.exp, [c.one(ops.neg, [c.number(2, x)], {})], {});
    expect(left((c, x) => c.one(ops.mul, [x, y(c, x)], {}))).toEqual(["constant", "mul"]);
  });
  test("one of two equal casts, none of a cast there and back", () => {
    const small = (c: Layers, x: LogicalValue) => c.one(ops.cast, [x], { dtype: "bf16" });
    expect(left((c, x) => c.one(ops.mul, [small(c, x), small(c, x)], {}))).toEqual(["cast", "mul"]);
    expect(left((c, x) => small(c, c.one(ops.cast, [small(c, x)], { dtype: "f32" })))).toEqual(["cast"]);
    const turned = (c: Layers, x: LogicalValue) => c.one(ops.regroup, [x], { factors: "ab->ba", sizes: {} });
    const back = (c: Layers, x: LogicalValue) => small(c, turned(c, c.one(ops.cast, [small(c, x)], { dtype: "f32" })));
    expect(left(back)).toEqual(["cast", "regroup"]);
  });
  test("products done twice as they are: keeping them costs memory", () => {
    const product = (c: Layers, x: LogicalValue, w: LogicalValue) =>
      c.one(ops.contract, [x, w], { factors: "ac,bc->ab" });
    expect(left((c, x, w) => c.add(product(c, x, w), product(c, x, w)))).toEqual(["contract", "contract", "add"]);
  });
});

test("random models keep their numbers and lose steps", () => {
  let [before, after] = [0, 0];
  const count = (graph: LogicalGraph): number => JSON.stringify(graph.steps.map(({ kind }) => kind)).length;
  for (let seed = 200; seed < 260; seed++) {
    const { program, text } = randomModel(seed, { numLosses: 1 + (seed % 2), numLayers: 2 });
    const made = eachGraph(program, differentiate);
    const simple = eachGraph(made, simplify);
    const inputs = inputsFrom({ below: vocab });
    expect(differences(runWhole(made, inputs), runWhole(simple, inputs), 1e-12), `seed ${seed}: ${text}`).toEqual([]);
    for (const graph of made.graphs.values()) before += count(graph);
    for (const graph of simple.graphs.values()) {
      after += count(graph);
      expect(verifyGraph(graph), `seed ${seed}: ${text}`).toEqual([]);
    }
  }
  expect(after).toBeLessThan(0.9 * before);
});
