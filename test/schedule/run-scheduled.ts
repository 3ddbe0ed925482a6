// Runs every graph of a scheduled program once on simulated ranks with real memory, each from the same first states, and
// puts together what the ranks hold.
import type { GraphInput, LocalGraph, LocalValue } from "../../src/ir/graph.js";
import type { GraphRun } from "../../src/ir/interpret.js";
import { ScheduledMachine } from "../../src/ir/interpret-scheduled.js";
import { localShape } from "../../src/ir/local-size.js";
import type { NdArray } from "../../src/ir/nd.js";
import { partialAxes } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import type { ScheduledProgram } from "../../src/ir/scheduled.js";
import { shardOf, wholeOf } from "../../src/ir/shards.js";
import type { InputOf, Runs } from "../run-program.js";

const isSeen = ({ value }: LocalGraph["observed"][number]): boolean => partialAxes(value.placement).length === 0;

/** A run of the local program without what scheduled programs do not show: sums in parts. */
export const withoutSums = (runs: Runs, program: Program<"local">): Runs =>
  new Map(
    [...runs].map(([name, run]) => {
      const graph = [...program.graphs.values()].find((each) => each.name === name)!;
      const seen = new Set(graph.observed.filter(isSeen).map(({ label }) => label));
      return [name, { ...run, observed: new Map([...run.observed].filter(([label]) => seen.has(label))) }];
    }),
  );

export const runScheduled = (scheduled: ScheduledProgram, variant: number, inputOf: InputOf, padding?: number): Runs =>
  new Map(
    [...scheduled.program.graphs.values()].map((graph) => [
      graph.name,
      runOne(scheduled, graph, variant, inputOf, padding),
    ]),
  );

function runOne(
  scheduled: ScheduledProgram,
  graph: LocalGraph,
  variant: number,
  inputOf: InputOf,
  padding?: number,
): GraphRun {
  const machine = new ScheduledMachine(scheduled, variant);
  const { degrees } = machine;
  const ranks = Array.from({ length: machine.numRanks }, (_, rank) => rank);
  const given = new Map<string, { value: LocalValue; whole: NdArray }>();
  for (const { value, source } of graph.inputs) {
    const whole = inputOf({ value, source } as GraphInput);
    if (source.kind === "state")
      for (const rank of ranks)
        machine.setState(source.state, rank, shardOf(whole, value.placement, degrees, rank, padding));
    else given.set(`${source.kind} ${source.kind === "batch" ? source.field : source.name}`, { value, whole });
  }
  const part = (key: string, rank: number): NdArray => {
    const { value, whole } = given.get(key)!;
    return shardOf(whole, value.placement, degrees, rank, padding);
  };
  const { results, observed } = machine.run(graph.name, {
    batch: (field, rank) => part(`batch ${field}`, rank),
    scalar: (name) => given.get(`scalar ${name}`)!.whole.data[0]!,
    tensor: (name, rank) => part(`tensor ${name}`, rank),
  });
  const whole = (value: LocalValue, of: (rank: number) => Float64Array): NdArray => {
    const shape = localShape(value.type.shape, value.placement, degrees);
    return wholeOf(
      ranks.map((rank) => ({ shape, data: of(rank) })),
      value.type.shape,
      value.placement,
      degrees,
    );
  };
  return {
    results: new Map(graph.results.map(({ name, value }) => [name, whole(value, (rank) => results[rank]!.get(name)!)])),
    updates: new Map(
      graph.updates.map(({ state, value }) => [state, whole(value, (rank) => machine.state(state, rank).data)]),
    ),
    observed: new Map(
      graph.observed
        .filter(isSeen)
        .map(({ label, value }) => [label, whole(value, (rank) => observed[rank]!.get(label)!.data)]),
    ),
  };
}
