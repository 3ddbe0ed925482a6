// FSDP in time: a unit's parameters are gathered by one launch, as many units ahead as the layout says, and nothing is
// gathered more often than it is used.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { Layout, ShardUnit } from "../../src/ir/layout.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Mesh } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import type { CollectiveLaunch, Launch, LoopLaunch, ScheduledGraph, ScheduledProgram } from "../../src/ir/scheduled.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { differences, inputsFrom, runRanks } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";
import { runScheduled, withoutSums } from "./run-scheduled.js";

const inputs = inputsFrom({ below: 11 });
/** Sums in another order. */
const tolerance = 1e-9;
const numLayers = 3;
const sizes = { hiddenSize: 8, numLayers, numHeads: 4, vocabSize: 11, sequenceLength: 5, trainBatchSize: 4 };
const gpt = evaluateSmall("gpt", sizes);

/** `fullyShard` of the modules at some paths, and of the model for the rest. */
function unitsAt(paths: readonly string[], more: Partial<ShardUnit> = {}): readonly ShardUnit[] {
  const left = new Set(gpt.states.filter(({ kind }) => kind === "parameter"));
  return [...paths, "model"].map((path) => {
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll("*", "\\d+")}\\.`);
    const states = [...left].filter(({ name }) => pattern.test(name));
    for (const state of states) left.delete(state);
    return { path, states, reshardAfterForward: true, reduceDtype: "f32", ...more };
  });
}

interface Built {
  readonly local: Program<"local">;
  readonly program: ScheduledProgram;
}
const known = new Map<string, Built>();

function scheduled(
  layout: Partial<Layout>,
  mesh: Mesh = meshOf({ dpShard: 2 }),
  traced: Program<"logical"> = gpt,
): Built {
  const units = layout.shardUnits?.map(({ path, reshardAfterForward }) => [path, reshardAfterForward]);
  const key = JSON.stringify([layout.prefetch, units, mesh, traced.precision]);
  const there = known.get(key);
  if (there) return there;
  const local = compileProgram({ ...traced, mesh, layout: { ...traced.layout, ...layout } });
  const built = { local, program: schedule(local) };
  known.set(key, built);
  return built;
}
const stepOf = ({ graphs }: { readonly graphs: ReadonlyMap<string, ScheduledGraph> }): ScheduledGraph =>
  [...graphs.values()].find(({ name }) => name.startsWith("trainingStep"))!;
const collectives = (launches: readonly Launch[], what: CollectiveLaunch["what"]): readonly CollectiveLaunch[] =>
  launches.filter((launch) => launch.kind === "collective").filter((launch) => launch.what === what);
const loopOf = ({ launches }: ScheduledGraph, phase: string): LoopLaunch =>
  launches.filter((launch) => launch.kind === "loop").find((launch) => launch.phase === phase)!;

/** Elements that a rank gives to gathers in a run of the graph. */
function gathered(launches: readonly Launch[], rounds = 1): number {
  return launches.reduce((sum, launch) => {
    if (launch.kind === "loop") return sum + gathered(launch.body, launch.count);
    if (launch.kind !== "collective" || launch.what !== "all-gather") return sum;
    const times = launch.stagger ? launch.stagger.count - launch.stagger.ahead : rounds;
    return sum + times * launch.parts.reduce((n, { numElements }) => n + numElements[0]!, 0);
  }, 0);
}

const byHalf = ["model.blocks.*.attn", "model.blocks.*.mlp", "model.blocks.*"];

const body = (graph: ScheduledGraph, phase: string): readonly Launch[] => loopOf(graph, phase).body;

describe.each([
  ["by repeat", null, [1, 2]],
  ["by half a module", unitsAt(byHalf), [1, 5]],
] as const)("units %s", (_, shardUnits, prefetches) => {
  const once = gathered(stepOf(scheduled({ shardUnits, prefetch: 0 }).program).launches);

  test.each(prefetches)("prefetch %i: the same numbers and no gather more", (prefetch) => {
    const { local, program } = scheduled({ shardUnits, prefetch });
    expect(verifyScheduled(program)).toEqual([]);
    const expected = withoutSums(runRanks(local, degreesOf(local.mesh), inputs), local);
    expect(differences(expected, runScheduled(program, 0, inputs), tolerance)).toEqual([]);
    expect(gathered(stepOf(program).launches)).toBe(once);
  });
});

test("a round gathers one unit by one launch and scatters its gradients by another", () => {
  const graph = stepOf(scheduled({ prefetch: 0 }).program);
  for (const phase of ["forward", "backward"]) {
    expect(collectives(body(graph, phase), "all-gather")).toHaveLength(1);
    expect(collectives(body(graph, phase), "reduce-scatter")).toHaveLength(phase === "forward" ? 0 : 1);
  }
  const [all] = collectives(body(graph, "forward"), "all-gather");
  expect(all!.parts).toHaveLength(16);
  expect(body(graph, "forward")[0]!.kind).toBe("collective");
});
test("a unit that a module's halves make is gathered by halves", () => {
  const graph = stepOf(scheduled({ shardUnits: unitsAt(byHalf), prefetch: 1 }).program);
  const gathers = collectives(body(graph, "forward"), "all-gather");
  expect(gathers.map(({ parts, stagger }) => [parts.length, stagger?.ahead ?? 0])).toEqual([
    [8, 0],
    [4, 0],
    [4, 1],
  ]);
});

test("the gather of the next round begins in this one, and that of the first before the loop", () => {
  const graph = stepOf(scheduled({ prefetch: 1 }).program);
  for (const phase of ["forward", "backward"]) {
    const loop = loopOf(graph, phase);
    const [gather] = collectives(loop.body, "all-gather");
    expect(gather!.stagger).toEqual({ loop: loop.loop, count: numLayers, ahead: 1, numHandles: 2 });
    const before = graph.launches.slice(0, graph.launches.indexOf(loop));
    const first = before.findIndex((launch) => launch.kind === "collective" && launch.handle === gather!.handle);
    const between = before.slice(first + 1);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(between.some(({ kind }) => kind === "kernel" || kind === "call")).toBe(true);
    expect(between.some((launch) => launch.kind === "wait" && launch.handle === gather!.handle)).toBe(false);
  }
});

test("a round's gradients are scattered while the next round computes, out of the products' own memory", () => {
  const graph = stepOf(scheduled({ prefetch: 1 }).program);
  const loop = loopOf(graph, "backward");
  const [scatter, ...others] = collectives(loop.body, "reduce-scatter");
  expect(others).toEqual([]);
  expect(scatter!.stagger).toEqual({ loop: loop.loop, count: numLayers, ahead: 0, numHandles: 2 });
  const { loop: _, ...stagger } = scatter!.stagger!;
  const waits = loop.body.slice(loop.body.indexOf(scatter!) + 1);
  expect(waits).toEqual([
    { kind: "wait", axis: "dpShard", handle: scatter!.handle, stagger: { loop: loop.loop, ...stagger, ahead: -1 } },
  ]);
  const copies = loop.body.filter(
    (launch) => launch.kind === "kernel" && launch.kernel.from.some(({ op }) => op === "reduce-scatter"),
  );
  expect(copies).toEqual([]);
});

test.each(["f32", "bf16"] as const)(
  "what is not resharded after forward is gathered once, computing in %s",
  (compute) => {
    const traced: Program<"logical"> = { ...gpt, precision: { compute, reduce: "f32" } };
    const shardUnits = unitsAt(["model.blocks.*"], { reshardAfterForward: false });
    const { local, program } = scheduled({ shardUnits, prefetch: 1 }, meshOf({ dpShard: 2 }), traced);
    expect(verifyScheduled(program)).toEqual([]);
    const expected = withoutSums(runRanks(local, degreesOf(local.mesh), inputs), local);
    // Kernels round what they store, so where bf16 is rounded differs.
    const most = compute === "bf16" ? 0.02 : tolerance;
    expect(differences(expected, runScheduled(program, 0, inputs), most)).toEqual([]);
    const { launches } = stepOf(program);
    expect(collectives(body(stepOf(program), "backward"), "all-gather")).toEqual([]);
    if (compute === "bf16") return;
    const parameters = program.states.filter(({ state }) => state.kind === "parameter");
    expect(gathered(launches)).toBe(parameters.reduce((n, { buffer }) => n + buffer.numElements[0]!, 0));
  },
);

test("parameters over two axes are gathered one axis behind the other", () => {
  const mesh = meshOf({ dpShard: 2, cp: 2 });
  const { local, program } = scheduled({ prefetch: 1 }, mesh);
  expect(verifyScheduled(program)).toEqual([]);
  const expected = withoutSums(runRanks(local, degreesOf(mesh), inputs), local);
  expect(differences(expected, runScheduled(program, 0, inputs), tolerance)).toEqual([]);
  const axes = collectives(body(stepOf(program), "forward"), "all-gather").map(({ axis }) => axis);
  expect(axes).toEqual(["cp", "dpShard"]);
});
