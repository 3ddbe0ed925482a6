// Activation checkpointing: the same numbers to the last bit, and nothing of a module's inside kept for backward.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph, LogicalValue, RepeatStep, Step } from "../../src/ir/graph.js";
import { runGraph } from "../../src/ir/interpret.js";
import { defaultLayout, type Mark } from "../../src/ir/layout.js";
import { memoryPlan } from "../../src/ir/memory-plan.js";
import { degreesOf, meshOf, oneRank } from "../../src/ir/mesh.js";
import { commonLength } from "../../src/ir/module-path.js";
import type { Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { verifyGraph } from "../../src/ir/verify.js";
import * as ops from "../../src/ops/table.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { randomNumbers } from "../arrays.js";
import { randomModel, vocab } from "../random-models.js";
import { differences, inputsFrom, runRanks, runWhole } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";
import { gptTraining, layersOn, stateOf, tinyGpt } from "../tiny-models.js";

const inputs = inputsFrom({ below: vocab });

/** Every number that both graphs hand out is the same. */
function expectSameBits(graph: LogicalGraph, recomputed: readonly string[], about: string): void {
  const made = differentiate(graph, recomputed);
  expect(verifyGraph(made), about).toEqual([]);
  const [kept, again] = [differentiate(graph), made].map((each) =>
    runGraph(each, (source, value) => inputs({ source, value })),
  );
  expect(again, about).toEqual(kept);
}

const opsIn = (steps: readonly Step<"logical">[]): readonly { scope: string; phase: string; name: string }[] =>
  steps.flatMap((step) =>
    step.kind === "op"
      ? [{ scope: step.scope, phase: step.phase, name: step.op.name }]
      : step.kind === "repeat"
        ? opsIn(step.body)
        : [],
  );
const repeatsOf = (steps: readonly Step<"logical">[]): readonly RepeatStep<"logical">[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? [step, ...repeatsOf(step.body)] : []));

/** Paths of modules that ops are in. */
const pathsOf = (graph: LogicalGraph): readonly string[] => [
  ...new Set(
    opsIn(graph.steps).flatMap(({ scope }) => {
      const parts = scope.split(".");
      return parts.map((_, i) => parts.slice(0, i + 1).join("."));
    }),
  ),
];

describe.each([0, 1, 2, 3])("random models %i", (group) => {
  test("any modules, one inside the other too", () => {
    for (let i = 0; i < 25; i++) {
      const seed = 25 * group + i;
      const { program, text } = randomModel(seed, { numLosses: 1 + (seed % 2) });
      const graph = program.graphs.get("step")!;
      const next = randomNumbers(seed);
      const paths = pathsOf(graph).filter((path) => path !== "" && next() < 0.4);
      expectSameBits(graph, paths, `seed ${seed}: ${text}: ${paths.join(" ")}`);
    }
  });
});

describe("blocks of a transformer", () => {
  const graph = gptTraining(tinyGpt).graphs.get("step")!;
  const collectedBy = (recomputed: readonly string[]): readonly string[] => {
    const [forward] = repeatsOf(differentiate(graph, recomputed).steps);
    return forward!.collected.map(({ each }) => `${each.name}[${each.type.shape}]`);
  };

  test("keep nothing but the stream that enters them", () => {
    expectSameBits(graph, ["blocks.*"], "blocks");
    expect(collectedBy([]).length).toBeGreaterThan(5);
    expect(collectedBy(["blocks.*"])).toEqual([`x[${[tinyGpt.batch, tinyGpt.time, tinyGpt.width]}]`]);
  });

  test("run every product of forward again, once", () => {
    const count = (recomputed: readonly string[]): number =>
      opsIn(differentiate(graph, recomputed).steps).filter(
        ({ name, phase }) => name === "attention" && phase === "backward",
      ).length;
    expect([count([]), count(["blocks.*"])]).toEqual([0, 1]);
  });

  test("part of them, and parts inside parts", () => {
    for (const paths of [["blocks.*.mlp"], ["blocks.*.attn", "blocks.*.mlp"], ["blocks.*", "blocks.*.mlp"], ["blocks"]])
      expectSameBits(graph, paths, paths.join());
    expect(collectedBy(["blocks.*.mlp"]).length).toBeLessThan(collectedBy([]).length);
  });
});

test("a module used twice is made again for each use, another one between them is not", () => {
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [2, 3], dtype: "f32" }, "x");
  const state = stateOf("parameter", "w", [3, 3]);
  const w = g.input({ kind: "state", state }, state.type, "w");
  const c = layersOn(g);
  const layer = (scope: string, y: LogicalValue): LogicalValue =>
    g.at({ origin: null, scope, phase: "forward" }, () =>
      c.one(ops.exp, [c.one(ops.tanh, [c.one(ops.contract, [y, w], { factors: "bi,oi->bo" })], {})], {}),
    );
  const loss = c.total(layer("model.a", layer("model.b", layer("model.a", x))));
  const [gradient] = g.gradient(loss, [w]);
  const graph = g.finish({
    results: [
      { name: "gradient", value: gradient! },
      { name: "loss", value: loss },
    ],
  });
  expectSameBits(graph, ["model.a"], "used twice");
  const made = opsIn(differentiate(graph, ["model.a"]).steps).filter(({ name }) => name === "tanh");
  expect(made.map(({ scope, phase }) => `${scope} ${phase}`)).toEqual([
    "model.a forward",
    "model.b forward",
    "model.a forward",
    "model.a backward",
    "model.a backward",
  ]);
});

test("a module that holds a loop is made again with the loop", () => {
  const { program } = randomModel(3);
  const graph = program.graphs.get("step")!;
  for (const repeat of repeatsOf(graph.steps)) expect(commonLength(repeat.body)).toBeGreaterThan(1);
  const collected = repeatsOf(differentiate(graph, ["model"]).steps).filter(({ phase }) => phase === "forward");
  expectSameBits(graph, ["model"], "model");
  for (const { collected: items } of collected) expect(items.length).toBeLessThanOrEqual(1);
});

test.each([{ dpShard: 2 }, { dpReplicate: 2, dpShard: 2 }, { tp: 2 }, { dpShard: 2, tp: 2 }])(
  "ranks of %o hold the numbers of one that keeps everything",
  (degrees) => {
    const program = gptTraining({ ...tinyGpt, microbatches: 2 });
    const uses = new Map(
      program.states.flatMap((state): [State, Mark][] =>
        !("tp" in degrees)
          ? []
          : state.name.endsWith(".up")
            ? [[state, { tp: 0 }]]
            : state.name.endsWith(".down")
              ? [[state, { tp: 1 }]]
              : [],
      ),
    );
    const layout = { ...defaultLayout, uses, recomputed: ["blocks.*", "blocks.*.mlp"] };
    const local = compileProgram({ ...program, mesh: meshOf(degrees), layout });
    const inputOf = inputsFrom({ below: tinyGpt.vocab, zeroGradients: true });
    const whole = runWhole({ ...program, graphs: withGradients(program) }, inputOf);
    const gone = new Set(program.states.filter(({ kind }) => kind === "gradient"));
    // Sums over ranks in another order: float64 rounding of sums of some hundred terms.
    expect(differences(whole, runRanks(local, degreesOf(local.mesh), inputOf), 1e-10, gone)).toEqual([]);
  },
);

const withGradients = (program: Program<"logical">): Program<"logical">["graphs"] =>
  new Map([...program.graphs].map(([name, graph]) => [name, differentiate(graph)]));

describe("memory that each further block of a GPT takes", () => {
  const [batch, time, width] = [4, 256, 32];
  const programs = [2, 4].map((numLayers) =>
    evaluateSmall("gpt", {
      hiddenSize: width,
      numLayers,
      numHeads: 4,
      vocabSize: 16,
      sequenceLength: time,
      trainBatchSize: batch,
    }),
  );
  const stream = 4 * batch * time * width;
  /** Twelve squares, and biases and norms. Gradients of all blocks have their places for all of the backward loop. */
  const gradients = 4 * (12 * width * width + 13 * width);
  const perBlock = (recomputed: readonly string[]): number => {
    const [few, more] = programs.map((program) => {
      const local = compileProgram({ ...program, mesh: oneRank, layout: { ...defaultLayout, recomputed } });
      return Math.max(...memoryPlan(schedule(local)).graphs.map(({ liveBytes }) => liveBytes));
    });
    return (more! - few!) / 2 - gradients;
  };

  test("is one stream where blocks are recomputed, less than all where a part is", () => {
    const [kept, mlp] = [perBlock([]), perBlock(["model.blocks.*.mlp"])];
    // Two norms' operands, the first of which is the stream, their results, q, k, v, mixed heads, the layer of four widths.
    expect(kept).toBeGreaterThanOrEqual(10 * stream);
    expect(mlp).toBe(kept - 4 * stream);
    expect(perBlock(["model.blocks.*"])).toBe(stream);
  });
});
