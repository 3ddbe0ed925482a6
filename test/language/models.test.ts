// Models that users may write without touching the compiler: a vision transformer, an MLP-Mixer on mixins, a small
// convolution network. They are evaluated, their gradients compared with finite differences, and trained.
import { describe, expect, it } from "vitest";
import type { RepeatStep } from "../../src/ir/graph.js";
import { runProgram } from "../../src/ir/interpret-program.js";
import type { Program } from "../../src/ir/program.js";
import { gradientErrors, initialStates, programOf } from "../evaluate/run-program.js";

const repeatsOf = (program: Program<"logical">, graph: string): readonly RepeatStep<"logical">[] =>
  program.graphs.get(graph)!.steps.filter((step): step is RepeatStep<"logical"> => step.kind === "repeat");
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** As in examples.test.ts: central differences of step 1e-5 in float64. */
const tolerance = 1e-4;

function checkGradients(program: Program<"logical">): void {
  const errors = gradientErrors(program.graphs.get("trainingStep")!, initialStates(program), {});
  expect(errors.size).toBe(program.states.filter(({ kind }) => kind === "parameter").length);
  for (const [name, error] of errors) if (!(error <= tolerance)) expect.fail(`${name}: ${error}`);
}
const lossesOf = (program: Program<"logical">, maxSteps: number) => {
  const { events, kept } = runProgram(program, { maxSteps });
  const of = (event: string, metric: string) =>
    events.filter((each) => each.event === event).map(({ metrics }) => metrics[metric]!);
  return { losses: of("train", "loss"), of, kept };
};

describe("a vision transformer", () => {
  const program = programOf("test/language/models/vit.ts");
  it("is a repeat of its blocks, forward and backward", () => {
    const counts = repeatsOf(program, "trainingStep").filter(({ phase }) => phase !== "update");
    expect(counts.map(({ phase, count }) => [phase, count])).toEqual([
      ["forward", 2],
      ["backward", 2],
    ]);
    expect(repeatsOf(program, "validationStep").map(({ count }) => count)).toEqual([2]);
  });
  it("drops nothing when it validates", () => {
    const names = (graph: string): readonly string[] =>
      repeatsOf(program, graph).flatMap(({ body }) => body.flatMap((step) => (step.kind === "op" ? step.op.name : [])));
    expect(names("trainingStep")).toContain("randomUniform");
    expect(names("validationStep")).not.toContain("randomUniform");
  });
  it("has the gradients that finite differences give", () => checkGradients(program));
  it("learns, and gathers its accuracy", () => {
    const { losses, of } = lossesOf(program, 48);
    expect(mean(losses.slice(-8))).toBeLessThan(mean(losses.slice(0, 8)));
    const accuracies = of("validation", "accuracy");
    expect(accuracies.length).toBe(6);
    for (const accuracy of accuracies) expect(accuracy * 16).toBeCloseTo(Math.round(accuracy * 16), 9);
  });
});

describe("an MLP-Mixer", () => {
  const program = programOf("test/language/models/mixer.ts");
  it("is a repeat of its blocks, though they are reduced by a call", () => {
    const counts = repeatsOf(program, "trainingStep").filter(({ phase }) => phase !== "update");
    expect(counts.map(({ count }) => count)).toEqual([3, 3]);
  });
  it("has the gradients that finite differences give", () => checkGradients(program));
  it("learns with momentum and steps of its rate; mixins and callbacks keep numbers", () => {
    const { losses, of, kept } = lossesOf(program, 40);
    expect(mean(losses.slice(-5))).toBeLessThan(0.9 * mean(losses.slice(0, 5)));
    const rates = of("train", "learningRate");
    expect([rates[0], rates[9], rates[10], rates[39]]).toEqual([0.05, 0.05, 0.025, 0.00625]);
    expect(kept.seen).toBe(400);
    expect(kept["callbacks.0.best"]).toBe(Math.min(...losses));
    expect(kept["callbacks.0.since"]).toBe(losses.length - 1 - losses.indexOf(Math.min(...losses)));
  });
});

describe("a convolution network", () => {
  const program = programOf("test/language/models/convnet.ts");
  it("keeps running statistics as buffers", () => {
    const buffers = program.states.filter(({ kind }) => kind === "buffer").map(({ name }) => name);
    expect(buffers).toEqual(["model.features.1.runningMean", "model.features.1.runningVar"]);
    const updated = program.graphs.get("trainingStep")!.updates.map(({ state }) => state.name);
    expect(updated).toContain("model.features.1.runningVar");
    expect(program.graphs.get("validationStep")!.updates).toEqual([]);
  });
  it("has the gradients that finite differences give", () => checkGradients(program));
  it("learns, with a warm-up that sets the rate", () => {
    const { losses, of } = lossesOf(program, 40);
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)));
    // The first step has the initial rate, then the callback sets it after each of the first five.
    const rates = of("train", "learningRate").slice(0, 7);
    [1, 0, 0.2, 0.4, 0.6, 0.8, 0.8].forEach((scale, i) => expect(rates[i]).toBeCloseTo(0.003 * scale, 12));
  });
});
