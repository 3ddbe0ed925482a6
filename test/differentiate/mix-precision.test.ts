// bf16 where records allow it, and nowhere else; numbers stay what they are but for rounding, which float64 does not do.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalGraph, OpStep, Step } from "../../src/ir/graph.js";
import { roundToBf16 } from "../../src/ir/interpret-kernel.js";
import type { Program } from "../../src/ir/program.js";
import { isFloat } from "../../src/ir/tensor-type.js";
import { verifyProgram } from "../../src/ir/verify-program.js";
import { add, contract } from "../../src/ops/table.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { mixPrecision } from "../../src/phases/2-differentiate/mix-precision.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { programOf } from "../programs.js";
import { randomModel, vocab } from "../random-models.js";
import { differences, inputsFrom, runWhole } from "../run-program.js";
import { gptTraining, stateOf, tinyGpt } from "../tiny-models.js";

const inBf16 = (program: Program<"logical">): Program<"logical"> => ({
  ...program,
  precision: { compute: "bf16", reduce: "f32" },
});
const opsIn = (steps: readonly Step<"logical">[]): readonly OpStep<"logical">[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? opsIn(step.body) : step.kind === "op" ? [step] : []));
/** Lists of steps: a graph's own, and those of its bodies. */
const blocksOf = (steps: readonly Step<"logical">[]): readonly (readonly Step<"logical">[])[] => [
  steps,
  ...steps.flatMap((step) => (step.kind === "repeat" ? blocksOf(step.body) : [])),
];

describe("a transformer in bf16", () => {
  const program = inBf16(gptTraining(tinyGpt));
  const mixed = mixPrecision(program);
  const step = mixed.graphs.get("step")!;
  const all = opsIn(step.steps);
  const dtypesOf = (list: readonly OpStep<"logical">[]): ReadonlySet<string> =>
    new Set(list.flatMap(({ inputs }) => inputs.map(({ type }) => type.dtype).filter(isFloat)));

  test("computes products and attention in bf16, norms, sums and losses in f32", () => {
    expect(verifyProgram(mixed)).toEqual([]);
    const forward = all.filter(({ phase }) => phase === "forward");
    expect(dtypesOf(forward.filter(({ op }) => op.precision === "compute"))).toEqual(new Set(["bf16"]));
    expect(dtypesOf(forward.filter(({ op }) => op.precision === "full"))).toEqual(new Set(["f32"]));
    expect(dtypesOf(all.filter(({ phase }) => phase === "update"))).toEqual(new Set(["f32"]));
  });

  test("keeps parameters, gradients, losses and what is carried in f32", () => {
    const made = differentiate(step);
    for (const { value } of [...made.updates, ...made.results, ...made.observed]) expect(value.type.dtype).toBe("f32");
    for (const each of made.steps)
      if (each.kind === "repeat") for (const { enter } of each.carried) expect(enter.type.dtype).toBe("f32");
  });

  test("casts each value once in a block, and activations that follow stay in bf16", () => {
    for (const block of blocksOf(step.steps)) {
      const casts = block.filter((each): each is OpStep<"logical"> => each.kind === "op" && each.op.name === "cast");
      const keys = casts.map(({ inputs, attrs }) => `${inputs[0]!.id} ${JSON.stringify(attrs)}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
    const bend = all.find(({ op }) => op.name === "geluTanh")!;
    expect(bend.inputs[0]!.type.dtype).toBe("bf16");
    expect(bend.outputs[0]!.type.dtype).toBe("bf16");
  });
});

test("what a round leaves in bf16 enters the next in f32", () => {
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [3, 3], dtype: "f32" }, "x");
  const weights = ["w0", "w1"].map((name) => {
    const state = stateOf("parameter", name, [3, 3]);
    return g.input({ kind: "state", state }, state.type, name);
  });
  const body = g.inner();
  const [enter, each] = [body.value(x.type), body.value(x.type)];
  const [leave] = body.emit(contract, [enter, each], { factors: "ab,bc->ac" });
  const result = g.value(x.type);
  const kept = weights.map(() => g.value(x.type));
  g.repeat({
    count: 2,
    carried: [{ start: x, enter, leave: leave!, result }],
    stacked: [{ items: weights, each }],
    shared: [],
    collected: [{ each: leave!, items: kept }],
    body: body.steps,
  });
  const [sum] = g.emit(add, [result, kept[0]!], {});
  const program = inBf16(programOf([g.finish({ results: [{ name: "sum", value: sum! }] })]));
  const mixed = mixPrecision(program);
  expect(verifyProgram(mixed)).toEqual([]);
  const inputs = inputsFrom();
  expect(differences(runWhole(program, inputs), runWhole(mixed, inputs), 1e-12)).toEqual([]);
});

test("f32 programs are left alone", () => {
  const program = gptTraining(tinyGpt);
  expect(mixPrecision(program)).toBe(program);
});

test("random models give the same numbers, and gradients come back through the casts", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { program, text } = randomModel(seed);
    const passes = (each: Program<"logical">): Program<"logical"> =>
      eachGraph(eachGraph(mixPrecision(each), differentiate), simplify);
    const [plain, mixed] = [passes(program), passes(inBf16(program))];
    expect(verifyProgram(mixed), `seed ${seed}: ${text}`).toEqual([]);
    const inputs = inputsFrom({ below: vocab });
    expect(differences(runWhole(plain, inputs), runWhole(mixed, inputs), 1e-12), `seed ${seed}: ${text}`).toEqual([]);
    for (const { value } of (mixed.graphs.get("step") as LogicalGraph).updates) expect(value.type.dtype).toBe("f32");
  }
});

test("rounding to bf16 keeps eight bits, ties to even", () => {
  expect([1, -2.5, 0, 3.140625].map(roundToBf16)).toEqual([1, -2.5, 0, 3.140625]);
  expect(roundToBf16(1 + 1 / 256)).toBe(1);
  expect(roundToBf16(1 + 3 / 256)).toBe(1 + 2 / 128);
  expect(roundToBf16(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  expect(roundToBf16(Number.NaN)).toBeNaN();
});
