// What data parallelism is made of: gradients are sums in parts until an all-reduce makes them whole, once a step, and
// what is sent is what the textbook says.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LocalGraph, MoveStep, PlacedGraph, Step } from "../../src/ir/graph.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import { showPlacement } from "../../src/ir/placement-text.js";
import type { Program } from "../../src/ir/program.js";
import { shardOf } from "../../src/ir/shards.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { contract } from "../../src/ops/table.js";
import { comparePasses } from "../compare-passes.js";
import { programOf } from "../programs.js";
import { inputsFrom } from "../run-program.js";
import { gptParameters, gptTraining, layersOn, stateOf, tinyGpt } from "../tiny-models.js";

const inputs = inputsFrom({ below: tinyGpt.vocab });
const placementsOf = (program: Program<"placed">, graph: string): ReadonlyMap<string, string> =>
  new Map(
    (program.graphs.get(graph) as PlacedGraph).observed.map(({ label, value }) => [
      label,
      showPlacement({ dims: [], partial: value.placement.partial }),
    ]),
  );

function compiled(config: typeof tinyGpt, degrees: Parameters<typeof meshOf>[0]) {
  const placed: Program<"placed">[] = [];
  const local = compileProgram(
    { ...gptTraining(config), mesh: meshOf(degrees) },
    { onPass: ({ name, program }) => void (name === "place" && placed.push(program as unknown as Program<"placed">)) },
  );
  return { placed: placed[0]!, local };
}

const movesOf = (steps: readonly Step<"local">[]): readonly MoveStep[] =>
  steps.flatMap((step) => (step.kind === "repeat" ? movesOf(step.body) : step.kind === "move" ? [step] : []));

const sentBy = (graph: LocalGraph, degrees: ReturnType<typeof degreesOf>) =>
  runLocalGraph(graph, degrees, (value, i, rank) => shardOf(inputs(graph.inputs[i]!), value.placement, degrees, rank))
    .sent;

test("gradients are sums over the ranks that share the batch", () => {
  const { placed } = compiled(tinyGpt, { dpReplicate: "auto" });
  const placements = placementsOf(placed, "step");
  expect(placements.size).toBe(gptParameters(tinyGpt).size);
  expect(new Set(placements.values())).toEqual(new Set(["[] +dpReplicate"]));
});

test.each([2, 4])("each gradient is reduced once on %i ranks, with 2 (n - 1) / n of its elements sent", (ranks) => {
  const { local } = compiled(tinyGpt, { dpReplicate: ranks });
  const sent = sentBy(local.graphs.get("step")!, degreesOf(local.mesh));
  expect(new Set(sent.map(({ what, axis }) => `${what} ${axis}`))).toEqual(new Set(["all-reduce dpReplicate"]));
  const parameters = [...gptParameters(tinyGpt).values()].reduce((n, { type }) => n + numElements(type.shape), 0);
  const loss = 1;
  const total = sent.reduce((n, { elements }) => n + elements, 0);
  expect(total).toBeCloseTo((2 * (ranks - 1) * (parameters + loss)) / ranks, 9);
});

test("reductions of a layer's gradients are inside the backward repeat", () => {
  const { local } = compiled({ ...tinyGpt, layers: 5 }, { dpReplicate: 2 });
  const graph = local.graphs.get("step")!;
  const outside = graph.steps.filter((step) => step.kind === "move");
  const inside = graph.steps.flatMap((step) => (step.kind === "repeat" ? movesOf(step.body) : []));
  expect(inside).toHaveLength(6);
  expect(inside.every(({ phase }) => phase === "backward")).toBe(true);
  expect(outside).toHaveLength(3);
});

test("microbatches before the last send nothing but their loss", () => {
  const { local, placed } = compiled({ ...tinyGpt, microbatches: 3 }, { dpReplicate: 2 });
  const early = movesOf(local.graphs.get("accumulate")!.steps);
  expect(early.map(({ outputs: [{ type }] }) => type.shape)).toEqual([[]]);
  expect(movesOf(local.graphs.get("step")!.steps).length).toBeGreaterThan(6);
  const { states } = placed.plan;
  for (const [state, { rest }] of states)
    if (state.kind === "gradient") expect(rest.partial, state.name).toEqual({ dpReplicate: "sum" });
});

test("gradients of a bf16 program are reduced in f32", () => {
  const program = { ...gptTraining(tinyGpt), mesh: meshOf({ dpReplicate: 2 }) };
  const local = compileProgram({ ...program, precision: { compute: "bf16", reduce: "f32" } });
  const moves = movesOf(local.graphs.get("step")!.steps);
  expect(moves.length).toBeGreaterThan(8);
  expect(new Set(moves.map(({ inputs: [{ type }] }) => type.dtype))).toEqual(new Set(["f32"]));
});

test("a degree that is left open decides nothing", () => {
  const text = (degrees: Parameters<typeof meshOf>[0]): string =>
    JSON.stringify(movesOf(compiled(tinyGpt, degrees).local.graphs.get("step")!.steps).map(({ move }) => move));
  expect(text({ dpReplicate: "auto" })).toBe(text({ dpReplicate: 2 }));
  expect(text({ dpReplicate: 4 })).toBe(text({ dpReplicate: 2 }));
});

test("one rank has no collectives at all", () => {
  const { local } = compiled(tinyGpt, {});
  expect([...local.graphs.values()].flatMap(({ steps }) => movesOf(steps))).toEqual([]);
});

test("a body that turns its dims brings what it carries back to where it entered", () => {
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [4, 4], dtype: "f32" }, "x");
  const state = stateOf("parameter", "w", [4, 4]);
  const w = g.input({ kind: "state", state }, state.type, "w");
  const body = g.inner();
  const [enter, inner] = [body.value(x.type), body.value(w.type)];
  const [leave] = body.emit(contract, [enter, inner], { factors: "ab,bc->ca" });
  const result = g.value(x.type);
  const carried = [{ start: x, enter, leave: leave!, result }];
  const shared = [{ outer: w, inner }];
  g.repeat({ count: 3, carried, stacked: [], shared, collected: [], body: body.steps });
  const loss = layersOn(g).total(result);
  const [gradient] = g.gradient(loss, [w]);
  const results = [
    { name: "y", value: result },
    { name: "gradient", value: gradient! },
  ];
  const loader = { ...gptTraining(tinyGpt).loaders[0]!, batchSize: 4, fields: [{ name: "x", type: x.type }] };
  const program = programOf([g.finish({ results })], { loaders: [loader], mesh: meshOf({ dpReplicate: "auto" }) });
  expect(comparePasses(program, inputs).found).toEqual([]);
});
