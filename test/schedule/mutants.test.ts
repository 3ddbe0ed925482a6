// Scheduled programs that are broken on purpose: for each kind of break, whatever changes the numbers is seen by the
// checker or by the interpreter.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Buffer, Launch, ScheduledGraph, ScheduledProgram } from "../../src/ir/scheduled.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { differences, inputsFrom, type Runs } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";
import { runScheduled } from "./run-scheduled.js";

const program = schedule(compileProgram({ ...evaluateSmall("gpt"), mesh: meshOf({ dpReplicate: 2 }) }));
const [name, graph] = [...program.graphs].find(([each]) => each.startsWith("trainingStep"))!;

const withGraph = (changed: ScheduledGraph): ScheduledProgram => ({ ...program, graphs: new Map([[name, changed]]) });

/** Every launch, bodies included, with what replaces it. */
function eachChange(change: (launch: Launch) => readonly Launch[] | null): readonly ScheduledProgram[] {
  const found: ScheduledProgram[] = [];
  const walk = (list: readonly Launch[], put: (changed: readonly Launch[]) => readonly Launch[]): void => {
    list.forEach((launch, i) => {
      const instead = change(launch);
      if (instead)
        found.push(withGraph({ ...graph, launches: put([...list.slice(0, i), ...instead, ...list.slice(i + 1)]) }));
      if (launch.kind === "loop")
        walk(launch.body, (body) => put([...list.slice(0, i), { ...launch, body }, ...list.slice(i + 1)]));
    });
  };
  walk(graph.launches, (changed) => changed);
  return found;
}

const inputs = inputsFrom({ below: 11 });
const run = (mutant: ScheduledProgram): Runs => {
  const graphs = new Map([...mutant.program.graphs].filter(([each]) => each === name));
  return runScheduled({ ...mutant, program: { ...mutant.program, graphs } }, 0, inputs);
};
const expected = run(program);

const isSeen = (mutant: ScheduledProgram): boolean => verifyScheduled(mutant).length > 0;

/** Whether all that a launch writes lies in the arena: nobody need read what goes into a state. */
const isOfArena = (launch: Launch): boolean => {
  if (launch.kind === "call") return true;
  if (launch.kind !== "kernel") return false;
  return launch.kernel.operands.every(
    ({ role }, i) =>
      role === "read" || (role === "write" && JSON.stringify(launch.operands[i]!.place, kindOnly).includes('"arena"')),
  );
};
const kindOnly = (key: string, value: unknown): unknown => (key === "state" || key === "from" ? undefined : value);

describe("the checker", () => {
  test("accepts the program", () => {
    expect(verifyScheduled(withGraph(graph))).toEqual([]);
  });

  test("sees every launch that is left out and whose result is read", () => {
    const mutants = eachChange((launch) => (isOfArena(launch) ? [] : null));
    expect(mutants.length).toBeGreaterThan(20);
    // Where a loop hands a value on in place, its old value is still there: then the numbers tell.
    const unseen = mutants.filter((mutant) => !isSeen(mutant));
    expect(unseen.length).toBeLessThan(4);
    for (const mutant of unseen) expect(differences(expected, run(mutant), 1e-9).length).toBeGreaterThan(0);
  });

  test("sees every wait that is left out, and every one that comes twice", () => {
    const isWait = ({ kind }: Launch): boolean => kind === "wait";
    const mutants = [
      ...eachChange((launch) => (isWait(launch) ? [] : null)),
      ...eachChange((launch) => (isWait(launch) ? [launch, launch] : null)),
    ];
    expect(mutants.length).toBeGreaterThan(2);
    expect(mutants.filter((mutant) => !isSeen(mutant)).length).toBe(0);
  });

  test("sees every collective that is left out", () => {
    const mutants = eachChange((launch) => (launch.kind === "collective" ? [] : null));
    expect(mutants.length).toBeGreaterThan(1);
    expect(mutants.filter((mutant) => !isSeen(mutant)).length).toBe(0);
  });

  test("sees operands out of bounds and offsets out of place", () => {
    const moved = eachChange((launch) =>
      launch.kind === "kernel" && launch.operands.length > 0
        ? [
            {
              ...launch,
              operands: launch.operands.map((each) => ({ ...each, offset: each.offset.map(() => 1 << 30) })),
            },
          ]
        : null,
    );
    const reading = moved.filter((_, i) => i < 10);
    expect(reading.every(isSeen)).toBe(true);
    const [first] = graph.buffers.filter(({ home }) => home.kind === "arena") as [Buffer];
    const crooked: Buffer = { ...first, home: { kind: "arena", offset: [4] } };
    expect(
      isSeen(withGraph({ ...graph, buffers: graph.buffers.map((each) => (each === first ? crooked : each)) })),
    ).toBe(true);
  });
});
