// Gathers lowered as rounds: the numbers of one rank on every number of ranks, with lengths that do not divide and in head
// and tail order; no gather of keys is left, and what is sent is what the textbook says. So too when it is scheduled.
import { describe, expect, test } from "vitest";
import { findMismatch } from "../../src/ir/check-collectives.js";
import { checkLocalGraph } from "../../src/ir/check-local.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf } from "../../src/ir/mesh.js";
import { parseGraph } from "../../src/ir/parse.js";
import { printGraph } from "../../src/ir/print.js";
import type { Launch } from "../../src/ir/scheduled.js";
import { shardOf } from "../../src/ir/shards.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { factsOf } from "../../src/phases/3-partition/place.js";
import { makeRounds } from "../../src/phases/3-partition/rounds/make-rounds.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { differences, inputsFrom, runLocal, runRanks, runWhole } from "../run-program.js";
import { runScheduled, withoutSums } from "../schedule/run-scheduled.js";
import { ringProgram } from "./ring-program.js";

const inputs = inputsFrom({ below: 5 });

/** The step's local graph, checked and compared with one rank; and what it sends. */
function ringOn(...asked: Parameters<typeof ringProgram>) {
  const { model, plan, logical, gathered, local } = ringProgram(...asked);
  const graph = local.graphs.get("step")!;
  const world = degreesOf(local.mesh);
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

  test("nothing goes around where the layout asks for gathers", () => {
    const { gathered } = ringProgram({ cp: 2 }, {});
    const asked: typeof gathered = { ...gathered, layout: { ...gathered.layout, rotateMethod: "allgather" } };
    expect(makeRounds(asked).graphs).toEqual(gathered.graphs);
  });

  test("one layer alone, forward and backward in one list of steps", () => {
    const { text } = ringOn({ cp: 4 }, { time: 9, layers: 1 });
    expect(gathersOfKeys(text)).toEqual([]);
  });
});

test.each([
  { degrees: { cp: 2 }, time: 5 },
  { degrees: { cp: 4 }, time: 7 },
  { degrees: { cp: 2, tp: 2 }, time: 6 },
] as const)("scheduled on $degrees, sequence of $time: right, and sends overlap work", ({ degrees, time }) => {
  const { local } = ringProgram(degrees, { time });
  const scheduled = schedule(local);
  expect(verifyScheduled(scheduled)).toEqual([]);
  const expected = withoutSums(runRanks(local, degreesOf(local.mesh), inputs, 7), local);
  expect(differences(expected, runScheduled(scheduled, 0, inputs, 7), 1e-9)).toEqual([]);
  const open = overlapped(scheduled.graphs.get("step")!.launches, "attentionAt");
  expect(partsOf(scheduled.graphs.get("step")!.launches, "permute")[0]).toBe(2);
  // Keys and values of the next round are on their way during every round's attention but the last.
  expect(open).toEqual([...Array.from({ length: degrees.cp - 1 }, () => true), false]);
});

/** For each call of a symbol in the first loop that has one, whether a permute is under way. */
function overlapped(launches: readonly Launch[], symbol: string): readonly boolean[] {
  const found: boolean[] = [];
  const open = new Set<number>();
  for (const launch of launches) {
    if (launch.kind === "loop") {
      const inside = overlapped(launch.body, symbol);
      if (inside.length > 0) return inside;
    }
    if (launch.kind === "collective" && launch.what === "permute") open.add(launch.handle);
    if (launch.kind === "wait") open.delete(launch.handle);
    if (launch.kind === "call" && launch.symbol === symbol) found.push(open.size > 0);
  }
  return found;
}

/** How many parts each collective of a kind has, loops once. */
const partsOf = (launches: readonly Launch[], what: string): readonly number[] =>
  launches.flatMap((launch) => {
    if (launch.kind === "loop") return partsOf(launch.body, what);
    return launch.kind === "collective" && launch.what === what ? [launch.parts.length] : [];
  });
