// Runs every graph of a scheduled program once on simulated ranks with real memory, each from the same first states, and
// puts together what the ranks hold.
import type { GraphInput, LocalGraph, LocalValue } from "../../src/ir/graph.js";
import type { GraphRun } from "../../src/ir/interpret.js";
import { ScheduledMachine } from "../../src/ir/interpret-scheduled.js";
import { localShape } from "../../src/ir/local-size.js";
import { numRanks, onRanks } from "../../src/ir/mesh.js";
import type { NdArray } from "../../src/ir/nd.js";
import { stageGraphs } from "../../src/ir/pipeline.js";
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
      const graphs = stageGraphs(program.pipelined, name).map((each) => program.graphs.get(each)!);
      const seen = new Set(graphs.flatMap(({ observed }) => observed.filter(isSeen).map(({ label }) => label)));
      return [name, { ...run, observed: new Map([...run.observed].filter(([label]) => seen.has(label))) }];
    }),
  );

export const runScheduled = (scheduled: ScheduledProgram, variant: number, inputOf: InputOf, padding?: number): Runs =>
  new Map(
    runNames(scheduled.program).map((name) => {
      const machine = new ScheduledMachine(scheduled, variant);
      const graphs = stageGraphs(scheduled.program.pipelined, name).map((each) => scheduled.program.graphs.get(each)!);
      return [name, runOne(machine, name, graphs, inputOf, padding)];
    }),
  );

const runNames = ({ graphs, pipelined }: Program<"local">): readonly string[] => [
  ...(pipelined ? pipelined.graphs : graphs).keys(),
];

/** `graphs`: of each place on pp; one alone without a pipeline. */
function runOne(
  machine: ScheduledMachine,
  name: string,
  graphs: readonly LocalGraph[],
  inputOf: InputOf,
  padding?: number,
): GraphRun {
  const degrees = { ...onRanks(machine.degrees), pp: graphs.length > 1 ? 1 : machine.degrees.pp };
  const size = numRanks(degrees);
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const given = new Map<string, { value: LocalValue; whole: NdArray }>();
  for (const [place, graph] of graphs.entries())
    for (const { value, source } of graph.inputs) {
      const whole = inputOf({ value, source } as GraphInput);
      if (source.kind === "state")
        for (const rank of ranks)
          machine.setState(source.state, place * size + rank, shardOf(whole, value.placement, degrees, rank, padding));
      else given.set(`${source.kind} ${source.kind === "batch" ? source.field : source.name}`, { value, whole });
    }
  const part = (key: string, rank: number): NdArray => {
    const { value, whole } = given.get(key)!;
    return shardOf(whole, value.placement, degrees, rank % size, padding);
  };
  const { results, observed } = machine.run(name, {
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
  const at = (place: number, rank: number): number => place * size + rank;
  return {
    results: new Map(
      graphs.flatMap((graph, place) =>
        graph.results.map(({ name: result, value }) => [
          result,
          whole(value, (rank) => results[at(place, rank)]!.get(result)!),
        ]),
      ),
    ),
    updates: new Map(
      graphs.flatMap((graph, place) =>
        graph.updates.map(({ state, value }) => [
          state,
          whole(value, (rank) => machine.state(state, at(place, rank)).data),
        ]),
      ),
    ),
    observed: new Map(
      graphs.flatMap((graph, place) =>
        graph.observed
          .filter(isSeen)
          .map(({ label, value }) => [label, whole(value, (rank) => observed[at(place, rank)]!.get(label)!.data)]),
      ),
    ),
  };
}
