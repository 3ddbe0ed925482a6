// Reverse mode against finite differences: whole small models, and each thing that a repeat can do.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph, LogicalValue, RepeatStep, Step } from "../../src/ir/graph.js";
import { verifyGraph } from "../../src/ir/verify.js";
import * as ops from "../../src/ops/table.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { randomModel, vocab } from "../random-models.js";
import { inputsFrom } from "../run-program.js";
import { gptTraining, layersOn, stateOf, tinyGpt } from "../tiny-models.js";
import { compareSlopes, tolerance } from "./directional.js";

const inputs = inputsFrom({ below: vocab });

function expectSlopes(graph: LogicalGraph, inputOf = inputs, about = ""): void {
  const slopes = compareSlopes(graph, inputOf);
  expect(slopes.length).toBeGreaterThan(0);
  for (const { of, gradient, difference, error } of slopes)
    expect(error, `${about} d${of}: ${gradient}, by differences ${difference}`).toBeLessThan(tolerance);
}

const repeatsOf = (steps: readonly Step<"logical">[]): readonly RepeatStep<"logical">[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? [step, ...repeatsOf(step.body)] : []));

test("a transformer with tied embeddings; its backward repeat is a repeat", () => {
  const graph = gptTraining(tinyGpt).graphs.get("step")!;
  expectSlopes(graph, inputsFrom({ below: tinyGpt.vocab }));
  const made = differentiate(graph);
  expect(verifyGraph(made)).toEqual([]);
  const repeats = repeatsOf(made.steps);
  expect(repeats.map(({ count, phase }) => [count, phase])).toEqual([
    [2, "forward"],
    [2, "backward"],
  ]);
});

test("bodies do not depend on the number of rounds", () => {
  const [few, many] = [2, 6].map((layers) => {
    const graph = gptTraining({ ...tinyGpt, layers }).graphs.get("step")!;
    return repeatsOf(differentiate(graph).steps).map(({ body }) =>
      body.map((step) => (step.kind === "op" ? step.op.name : step.kind)),
    );
  });
  expect(few).toEqual(many);
});

describe.each([0, 1, 2, 3])("random models %i", (group) => {
  test("one loss", () => {
    for (let i = 0; i < 25; i++) {
      const seed = 25 * group + i;
      const { program, text } = randomModel(seed);
      const graph = program.graphs.get("step")!;
      expect(verifyGraph(graph), `seed ${seed}: ${text}`).toEqual([]);
      expect(verifyGraph(differentiate(graph)), `seed ${seed}: ${text}`).toEqual([]);
      expectSlopes(graph, inputs, `seed ${seed}: ${text}:`);
    }
  });
  test("several losses", () => {
    for (let i = 0; i < 5; i++) {
      const seed = 1000 + 5 * group + i;
      const { program, text } = randomModel(seed, { numLosses: 2, numLayers: 2 });
      const graph = program.graphs.get("step")!;
      expect(verifyGraph(differentiate(graph)), `seed ${seed}: ${text}`).toEqual([]);
      expectSlopes(graph, inputs, `seed ${seed}: ${text}:`);
    }
  });
});

/** `body` sees the carried value and its own weight; `after` sees everything that the repeat hands out. */
function repeated(options: {
  readonly count: number;
  readonly body: (c: ReturnType<typeof layersOn>, x: LogicalValue, w: LogicalValue, s: LogicalValue) => LogicalValue;
  readonly after: (
    c: ReturnType<typeof layersOn>,
    ends: { x: LogicalValue; start: LogicalValue; kept: readonly LogicalValue[]; shared: LogicalValue },
  ) => LogicalValue;
}): LogicalGraph {
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 3], dtype: "f32" }, "x");
  const weights = Array.from({ length: options.count }, (_, i) => {
    const state = stateOf("parameter", `w${i}`, [2, 3]);
    return g.input({ kind: "state", state }, state.type, state.name);
  });
  const sharedState = stateOf("parameter", "shared", [2, 3]);
  const shared = g.input({ kind: "state", state: sharedState }, sharedState.type, "shared");
  const body = g.inner();
  const enter = body.value(x.type, { name: "x" });
  const each = body.value(x.type, { name: "w*" });
  const inner = body.value(x.type, { name: "shared" });
  const leave = options.body(layersOn(body), enter, each, inner);
  const result = g.value(x.type, { name: "x" });
  const kept = weights.map(() => g.value(x.type, { name: "kept" }));
  g.repeat({
    count: options.count,
    carried: [{ start: x, enter, leave, result }],
    stacked: [{ items: weights, each }],
    shared: [{ outer: shared, inner }],
    collected: [{ each: leave, items: kept }],
    body: body.steps,
  });
  const c = layersOn(g);
  const loss = c.total(options.after(c, { x: result, start: x, kept, shared }));
  const by = [...weights, shared, x];
  const gradients = g.gradient(loss, by);
  return g.finish({ results: gradients.map((value, i) => ({ name: by[i]!.name, value })) });
}

describe("a repeat", () => {
  const body: Parameters<typeof repeated>[0]["body"] = (c, x, w, s) =>
    c.one(ops.tanh, [c.add(c.one(ops.mul, [x, w], {}), c.one(ops.mul, [s, s], {}))], {});
  test.each([1, 2, 5])("of %i rounds with stacked and shared values", (count) => {
    expectSlopes(repeated({ count, body, after: (_, { x }) => x }));
  });
  test("whose collected items are read, some of them", () => {
    expectSlopes(repeated({ count: 3, body, after: (c, { x, kept }) => c.one(ops.mul, [x, kept[1]!], {}) }));
    expectSlopes(repeated({ count: 3, body, after: (_, { kept }) => kept[0]! }));
  });
  test("whose operands are read after it too", () => {
    expectSlopes(
      repeated({ count: 3, body, after: (c, { x, start, shared }) => c.one(ops.mul, [c.add(x, start), shared], {}) }),
    );
  });
  test("that passes its value on unchanged", () => {
    expectSlopes(
      repeated({ count: 3, body: (_, x) => x, after: (c, { x, shared }) => c.one(ops.mul, [x, shared], {}) }),
    );
  });
  test("that forgets what it carried", () => {
    expectSlopes(repeated({ count: 3, body: (c, _, w, s) => c.one(ops.mul, [w, s], {}), after: (_, { x }) => x }));
  });
});

test("what a loss does not depend on has a gradient of zeros; a stopped value none", () => {
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 3], dtype: "f32" }, "x");
  const [a, b] = ["a", "b"].map((name) => {
    const state = stateOf("parameter", name, [2, 3]);
    return g.input({ kind: "state", state }, state.type, name);
  }) as [LogicalValue, LogicalValue];
  const c = layersOn(g);
  const stopped = c.one(ops.stopGradient, [c.one(ops.square, [a], {})], {});
  const loss = c.total(c.one(ops.mul, [c.one(ops.mul, [x, a], {}), stopped], {}));
  const [da, db] = g.gradient(loss, [a, b]);
  const graph = differentiate(
    g.finish({
      results: [
        { name: "da", value: da! },
        { name: "db", value: db! },
      ],
    }),
  );
  expect(verifyGraph(graph)).toEqual([]);
  const makers = graph.steps.filter((step) => step.kind === "op");
  const zero = makers.find(({ outputs }) => outputs[0]!.id === graph.results[1]!.value.id)!;
  expect([zero.op.name, (zero.attrs as { value: number }).value]).toEqual(["constant", 0]);
  expect(makers.map(({ op }) => op.name)).not.toContain("pow");
});
