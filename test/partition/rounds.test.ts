// Gathers lowered as rounds: the numbers of one rank on every number of ranks, with lengths that do not divide and in head
// and tail order; no gather of keys is left, and what is sent is what the textbook says.
import { describe, expect, test } from "vitest";
import { findMismatch } from "../../src/ir/check-collectives.js";
import { checkLocalGraph } from "../../src/ir/check-local.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import { parseGraph } from "../../src/ir/parse.js";
import type { Axis, Placement } from "../../src/ir/placement.js";
import { printGraph } from "../../src/ir/print.js";
import type { Program } from "../../src/ir/program.js";
import { shardOf } from "../../src/ir/shards.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { moveIntoRepeats } from "../../src/phases/3-partition/move-into-repeats.js";
import { factsOf, place } from "../../src/phases/3-partition/place.js";
import { defaultPlan, planStates } from "../../src/phases/3-partition/plan-states.js";
import { makeRounds } from "../../src/phases/3-partition/rounds/make-rounds.js";
import { differences, inputsFrom, runLocal, runWhole } from "../run-program.js";
import { gptTraining, type TinyGpt, tinyGpt } from "../tiny-models.js";

const inputs = inputsFrom({ below: 5 });

type DegreesAsked = Partial<Record<Axis, number>>;

/** The step's local graph, checked and compared with one rank; and what it sends. */
function ringOn(degrees: DegreesAsked, config: Partial<TinyGpt>, order?: "headTail") {
  const mesh = meshOf(degrees);
  const model: TinyGpt = { ...tinyGpt, batch: 2, heads: 2, width: 4, vocab: 5, ...config };
  const program: Program<"logical"> = { ...gptTraining(model), mesh, layout: { ...defaultLayout } };
  const logical = eachGraph(eachGraph(program, differentiate), simplify);
  const planned = planStates(factsOf(program), program.states, program.loaders, {
    ...defaultPlan,
    sequenceDim: () => 1,
  });
  const dealt = ({ dims, partial }: Placement): Placement => ({
    dims: dims.map((dim) => (dim.axes.includes("cp") && order ? { ...dim, order } : dim)),
    partial,
  });
  const plan = { ...planned, batch: new Map([...planned.batch].map(([field, where]) => [field, dealt(where)])) };
  const gathered = moveIntoRepeats(insertMoves(place(logical, plan)));
  const local = makeRounds(gathered);
  const graph = local.graphs.get("step")!;
  const world = degreesOf(mesh);
  expect(checkLocalGraph(graph, plan, factsOf(local))).toEqual([]);
  expect(findMismatch(() => graph, world)).toBeNull();
  const text = printGraph(graph);
  const states = new Map(local.states.map((state) => [state.name, state]));
  expect(printGraph(parseGraph(text, (name) => states.get(name)!))).toBe(text);
  const runs = new Map([["step", runLocal(graph, world, inputs, { padding: 7 })]]);
  expect(differences(runWhole(logical, inputs), runs, 1e-9)).toEqual([]);
  return { text, sent: sentBy(graph, world), before: sentBy(gathered.graphs.get("step")!, world), model };
}

function sentBy(graph: Parameters<typeof runLocalGraph>[0], world: ReturnType<typeof degreesOf>) {
  const wholes = graph.inputs.map((input) => inputs(input));
  const { sent } = runLocalGraph(graph, world, (value, i, rank) => shardOf(wholes[i]!, value.placement, world, rank));
  const totals = new Map<string, number>();
  for (const { what, axis, elements } of sent)
    totals.set(`${what} ${axis}`, (totals.get(`${what} ${axis}`) ?? 0) + elements);
  return totals;
}

const gathersOfKeys = (text: string): readonly string[] =>
  text.split("\n").filter((line) => line.includes("all-gather") && line.endsWith(".attn"));

describe("attention over cp", () => {
  const cases = [2, 3, 4, 8].flatMap((cp) => [cp, 2 * cp + 1, 2 * cp].map((time) => ({ cp, time })));
  test.each(cases)("a ring of $cp, sequence of $time", ({ cp, time }) => {
    const { text, sent, before, model } = ringOn({ cp }, { time });
    const { batch, width, layers } = model;
    /** One rank's keys and values. */
    const keys = 2 * batch * Math.ceil(time / cp) * width;
    expect(gathersOfKeys(text)).toEqual([]);
    expect(sent.get("permute cp")).toBe(layers * (2 * (cp - 1) * keys + cp * keys));
    // Nothing else has changed.
    expect(sent.get("all-reduce cp")).toBe(before.get("all-reduce cp"));
  });

  test.each([2, 3])("in head and tail order on %i", (cp) => {
    const { text } = ringOn({ cp }, { time: 4 * cp - 1 }, "headTail");
    expect(text).toMatch(/attentionAt .* split\(t: cp~, s: cp~\) turn\(s: cp 1\)/);
  });

  test("with data parallelism, sharded parameters and tensor parallelism beside it", () => {
    const { sent } = ringOn({ dpShard: 2, cp: 2, tp: 2 }, { time: 5 });
    expect(sent.get("permute cp")).toBeGreaterThan(0);
  });

  test("one layer alone, forward and backward in one list of steps", () => {
    const { text } = ringOn({ cp: 4 }, { time: 9, layers: 1 });
    expect(gathersOfKeys(text)).toEqual([]);
  });
});
