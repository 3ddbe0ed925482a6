// Products in rounds: under sequence parallel, gathers before products and scatters behind them go around the ranks, with
// one rank's numbers and the same bytes; every permute that is left out or done twice is noticed.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { checkLocalGraph } from "../../src/ir/check-local.js";
import type { LocalGraph, Step } from "../../src/ir/graph.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { shardOf } from "../../src/ir/shards.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { factsOf } from "../../src/phases/3-partition/place.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { comparePasses } from "../compare-passes.js";
import { differences, inputsFrom, runRanks } from "../run-program.js";
import { runScheduled, withoutSums } from "../schedule/run-scheduled.js";
import { evaluateSmall } from "../small-examples.js";
import { mutantsOf } from "./mutants.js";
import { type Parallelism, parallel } from "./parallel-plans.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });

const withAsync = (program: Program<"logical">): Program<"logical"> => ({
  ...program,
  layout: { ...program.layout, asyncTensorParallel: true },
});
const spread = (example: string, degrees: Parallelism["degrees"]): Program<"logical"> =>
  parallel(evaluateSmall(example), { degrees, isSequenceParallel: true, isLossParallel: true });

/** Elements that one rank sends in the training step, by axis. */
function sentBy(program: Program<"local">): ReadonlyMap<string, number> {
  const world = degreesOf(program.mesh);
  const graph = program.graphs.get("trainingStep")!;
  const wholes = graph.inputs.map((input) => inputs(input));
  const { sent } = runLocalGraph(graph, world, (value, i, rank) => shardOf(wholes[i]!, value.placement, world, rank));
  const totals = new Map<string, number>();
  for (const { axis, elements } of sent) totals.set(axis, (totals.get(axis) ?? 0) + elements);
  return totals;
}

const kindsOf = (steps: LocalGraph["steps"]): readonly string[] =>
  steps.flatMap((step: Step<"local">) => {
    if (step.kind === "repeat") return kindsOf(step.body);
    return step.kind === "move" ? [`${step.move.what} ${step.move.axis}`] : [step.kind];
  });
const count = (program: Program<"local">, what: string): number =>
  kindsOf(program.graphs.get("trainingStep")!.steps).filter((kind) => kind === what).length;

test.each([
  ["gpt", { tp: 2 }],
  ["gpt", { tp: 4 }],
  ["llama", { dpShard: 2, tp: 2 }],
] as const)("%s on %o", (example, degrees) => {
  const program = spread(example, degrees);
  const plain = compileProgram(program);
  const { found, local } = comparePasses(withAsync(program), inputs, { padding: 7 });
  expect(found).toEqual([]);
  // What is left: embeddings, and what three projections of one value add up before it is scattered.
  expect(count(local, "all-gather tp")).toBeLessThanOrEqual(1);
  expect(count(local, "reduce-scatter tp")).toBeLessThanOrEqual(3);
  expect(count(local, "join")).toBeGreaterThan(5);
  expect(sentBy(local)).toEqual(sentBy(plain));
  const scheduled = schedule(local);
  expect(verifyScheduled(scheduled)).toEqual([]);
  const expected = withoutSums(runRanks(local, degreesOf(local.mesh), inputs, 7), local);
  expect(differences(expected, runScheduled(scheduled, 0, inputs, 7), 1e-9)).toEqual([]);
});

test("a permute left out, done twice or over another axis does not check", () => {
  const local = compileProgram(withAsync(spread("llama", { dpShard: 2, tp: 2 })));
  const facts = factsOf(local);
  const mutants = mutantsOf(local.graphs.get("trainingStep")!, facts.axes).filter(({ what }) =>
    what.includes("permute"),
  );
  expect(mutants.length).toBeGreaterThan(20);
  const missed = mutants.filter(({ graph }) => checkLocalGraph(graph, local.plan, facts).length === 0);
  expect(missed.map(({ fault, what }) => `${fault}: ${what}`)).toEqual([]);
});
