// What schedules look like: no copies where views do, collectives that overlap, values that loops hand on in place.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Launch } from "../../src/ir/scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { evaluateSmall } from "../small-examples.js";

const program = schedule(compileProgram({ ...evaluateSmall("gpt"), mesh: meshOf({ dpReplicate: 2 }) }));
const launchesOf = (start: string): readonly Launch[] =>
  [...program.graphs].find(([name]) => name.startsWith(start))![1].launches;
const flat = (launches: readonly Launch[]): readonly Launch[] =>
  launches.flatMap((launch) => (launch.kind === "loop" ? flat(launch.body) : [launch]));

describe("a training step of GPT", () => {
  const launches = launchesOf("trainingStep");

  test("copies nothing: heads are split and merged, weights turned, by strides", () => {
    for (const launch of flat(launches)) {
      if (launch.kind !== "kernel" && launch.kind !== "table") continue;
      const [pass, ...more] = launch.kernel.passes;
      const isCopy = more.length === 0 && pass?.kind === "store" && pass.value.kind === "input" && !pass.value.at;
      expect(isCopy, launch.kernel.name).toBe(false);
    }
  });

  test("reduces each layer's gradients in one bucket, in place, and waits behind the loop", () => {
    const loops = launches.filter((launch) => launch.kind === "loop");
    const [backward] = loops.filter(({ phase }) => phase === "backward");
    const buckets = backward!.body.filter((launch) => launch.kind === "collective");
    expect(buckets.length).toBe(1);
    const [bucket] = buckets as [Extract<Launch, { kind: "collective" }>];
    expect(bucket.parts.length).toBe(16);
    for (const { source, target } of bucket.parts) expect(source.place).toEqual(target.place);
    expect(backward!.body.some(({ kind }) => kind === "wait")).toBe(false);
    expect(launches.some((launch) => launch.kind === "wait" && launch.handle === bucket.handle)).toBe(true);
  });

  test("has no kernel of one number for each layer", () => {
    const loops = launches.filter((launch) => launch.kind === "loop");
    expect(loops.map(({ phase }) => phase)).toEqual(["forward", "backward"]);
  });
});

test("validation hands the stream on in one place", () => {
  const [loop] = launchesOf("validationStep").filter((launch) => launch.kind === "loop");
  const carried = loop!.body.flatMap((launch) =>
    launch.kind === "kernel" ? launch.operands.flatMap(({ place }) => (place.kind === "rounds" ? [place] : [])) : [],
  );
  const handed = carried.filter(({ items }) => items[0]!.kind === "buffer" && items[0]!.home.kind === "arena");
  expect(handed.length).toBeGreaterThan(1);
  for (const { items } of handed) expect(new Set(items).size).toBe(1);
});

test("first values are written where the states lie", () => {
  for (const launch of flat(launchesOf("initialize"))) {
    expect(["kernel", "table"]).toContain(launch.kind);
    const text = JSON.stringify(launch, (key, value) => (key === "state" || key === "from" ? undefined : value));
    expect(text).not.toContain('"arena"');
  }
});
