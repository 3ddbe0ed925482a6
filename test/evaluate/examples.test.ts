// The examples as programs: their shape, their gradients by finite differences, and training in the interpreter.
import { describe, expect, it } from "vitest";
import type { LogicalGraph, RepeatStep, Step } from "../../src/ir/graph.js";
import { statementsOf } from "../../src/ir/host-parts.js";
import { runProgram } from "../../src/ir/interpret-program.js";
import { gradientErrors, initialStates, programOf, runOnTokens, tokenBatch } from "./run-program.js";

const repeatsOf = (graph: LogicalGraph): readonly RepeatStep<"logical">[] =>
  graph.steps.filter((step: Step<"logical">) => step.kind === "repeat");
const lossesOf = (
  events: readonly { readonly event: string; readonly metrics: { readonly [name: string]: number } }[],
) => events.filter(({ event }) => event === "train").map(({ metrics }) => metrics.loss!);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** A central difference of step 1e-5 in float64 is right to about 1e-9 of the loss; slopes here are above 1e-4. */
const tolerance = 1e-4;

describe("gpt", () => {
  const program = programOf("test/evaluate/programs/tiny-gpt.ts");
  it("is few graphs, each with its layers as repeats", () => {
    expect([...program.graphs.keys()]).toEqual(["initialize", "trainingStep", "validationStep", "sample", "sample2"]);
    for (const name of ["trainingStep", "validationStep", "sample2"]) {
      const forward = repeatsOf(program.graphs.get(name)!).find(({ scope }) => scope === "model.blocks.*.norm1")!;
      expect(forward.count).toBe(3);
    }
    const training = program.graphs.get("trainingStep")!;
    const backward = repeatsOf(training).filter(({ phase }) => phase === "backward");
    expect(backward.map(({ count }) => count)).toEqual([3]);
    expect(repeatsOf(training).filter(({ phase }) => phase === "update").length).toBeGreaterThan(0);
    expect(training.steps.length).toBeLessThan(160);
  });
  it("has one state for the tied embedding, and none for gradients", () => {
    const embedding = program.states.find(({ name }) => name === "model.tokenEmbedding.weight")!;
    expect(embedding.paths).toEqual(["model.tokenEmbedding.weight", "model.head.weight"]);
    expect(program.states.filter(({ kind }) => kind === "gradient")).toEqual([]);
    expect(program.states.map(({ name }) => name)).toContain("optimizer.expAvgSq.model.blocks.2.mlp.downProj.bias");
  });
  it("runs the step as one graph, without reading in between", () => {
    const runs = [...statementsOf(program.main)].filter(({ kind }) => kind === "run");
    expect(runs.length).toBe(5);
    const step = runs.find((run) => run.kind === "run" && run.graph === "trainingStep")!;
    expect(step.kind === "run" && step.scalars.map(({ name }) => name)).toEqual([
      "maxNorm",
      "correction",
      "decay",
      "stepSize",
      "stepSize2",
    ]);
  });
  it("keeps what --set may change as values of the running program", () => {
    const fixed = program.config.filter((entry) => entry.fixed).map(({ path }) => path);
    for (const path of ["learningRate", "weightDecay", "datasetPath", "trainingParameters.nEpochs"])
      expect(fixed).not.toContain(path);
    for (const path of ["trainingParameters.gradientClipVal", "trainingParameters.valFrequency", "sampleLength"])
      expect(fixed).not.toContain(path);
    expect(fixed).toContain("hiddenSize");
  });
  it("names kept variables by their paths", () => {
    expect(program.variables.map(({ name }) => name)).toEqual([
      "globalStep",
      "localBatches",
      "currentEpoch",
      "optimizer.stepCount",
      "optimizer.paramGroups.0.lr",
      "optimizer.paramGroups.1.lr",
    ]);
  });
  it("has the gradients that finite differences give", () => {
    const errors = gradientErrors(
      program.graphs.get("trainingStep")!,
      initialStates(program),
      tokenBatch([3, 6], 11, 4),
    );
    expect(errors.size).toBe(program.states.filter(({ kind }) => kind === "parameter").length);
    for (const [name, error] of errors) if (!(error <= tolerance)) expect.fail(`${name}: ${error}`);
  });
  it("learns, validates, warms up and samples", () => {
    const run = runOnTokens(program, 11, 20);
    const losses = lossesOf(run.events);
    expect(losses.length).toBe(40);
    expect(losses[0]).toBeCloseTo(Math.log(11), 1);
    expect(mean(losses.slice(-5))).toBeLessThan(1);
    const rates = run.events.filter(({ event }) => event === "train").map(({ metrics }) => metrics.learningRate!);
    expect(rates[0]).toBeCloseTo(1e-2 / 3, 12);
    expect(rates[5]).toBeCloseTo(1e-2, 12);
    expect(run.events.filter(({ event }) => event === "validation").length).toBe(4);
    expect(run.printed.length).toBe(6);
    expect(run.kept).toMatchObject({ globalStep: 40, currentEpoch: 2, "optimizer.stepCount": 40 });
  });
  it("takes --set values and stops at --max-steps", () => {
    const run = runOnTokens(program, 11, 20, { maxSteps: 3, config: { learningRate: 0 } });
    expect(lossesOf(run.events).length).toBe(3);
    const parameters = (states: typeof run.states) =>
      [...states].filter(([{ kind }]) => kind === "parameter").map(([{ name }, { data }]) => [name, [...data]]);
    expect(parameters(run.states)).toEqual(parameters(initialStates(program)));
  });
});

describe("llama", () => {
  const program = programOf("test/evaluate/programs/tiny-llama.ts");
  it("adds up gradients over microbatches, then steps", () => {
    expect([...program.graphs.keys()]).toEqual(["initialize", "accumulationStep", "trainingStep"]);
    const gradients = program.states.filter(({ kind }) => kind === "gradient");
    expect(gradients.length).toBe(program.states.filter(({ kind }) => kind === "parameter").length);
  });
  it("has the gradients that finite differences give", () => {
    const errors = gradientErrors(
      program.graphs.get("accumulationStep")!,
      initialStates(program),
      tokenBatch([2, 6], 11, 1),
      1 / 2, // by the microbatches of a step
    );
    for (const [name, error] of errors) if (!(error <= tolerance)) expect.fail(`${name}: ${error}`);
  });
  it("learns", () => {
    const losses = lossesOf(runOnTokens(program, 11, 60).events);
    expect(losses.length).toBe(60);
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.5);
  });
});

describe("mlp", () => {
  const program = programOf("examples/mlp/trainer.ts");
  it("learns", () => {
    const losses = lossesOf(runProgram(program, { maxSteps: 60 }).events);
    expect(losses.length).toBe(60);
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 5)) * 0.9);
  });
});

describe("gan", () => {
  const program = programOf("examples/gan/trainer.ts");
  it("has a graph for each optimizer", () => {
    expect([...program.graphs.keys()]).toEqual(["initialize", "trainingStep", "trainingStep2"]);
  });
  it("steps the generator every few steps of the discriminator", () => {
    const ran: string[] = [];
    const run = runProgram(program, { maxSteps: 4, beforeRun: (graph) => ran.push(graph) });
    expect(ran.slice(1)).toEqual([
      "trainingStep",
      "trainingStep2",
      "trainingStep",
      "trainingStep",
      "trainingStep2",
      "trainingStep",
    ]);
    expect(run.kept["generatorOptimizer.stepCount"]).toBe(2);
    for (const loss of lossesOf(run.events)) expect(loss).toBeGreaterThan(0);
  });
});
