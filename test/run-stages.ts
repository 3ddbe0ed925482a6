// Runs the graphs of a pipeline on simulated ranks; what its places hold, put together. Results must be the same on all.
import type { GraphInput, LocalGraph, LocalValue } from "../src/ir/graph.js";
import type { GraphRun } from "../src/ir/interpret.js";
import { runStages } from "../src/ir/interpret-local.js";
import { type Degrees, numRanks, onRanks } from "../src/ir/mesh.js";
import type { NdArray } from "../src/ir/nd.js";
import type { Program } from "../src/ir/program.js";
import { shardOf, wholeOf } from "../src/ir/shards.js";
import { distance } from "./arrays.js";
import type { InputOf, Runs } from "./run-program.js";

export const runPipeline = (program: Program<"local">, degrees: Degrees, inputOf: InputOf, padding?: number): Runs =>
  new Map(
    [...program.pipelined!.graphs].map(([name, names]) => {
      const graphs = names.map((each) => program.graphs.get(each)!);
      return [name, runPlaces(graphs, degrees, inputOf, padding)] as const;
    }),
  );

function runPlaces(graphs: readonly LocalGraph[], degrees: Degrees, inputOf: InputOf, padding?: number): GraphRun {
  const wholes = new Map<string, NdArray>();
  const wholeInput = (input: GraphInput): NdArray => {
    const { source } = input;
    const key = `${source.kind} ${source.kind === "state" ? source.state.name : source.kind === "batch" ? source.field : source.name}`;
    const known = wholes.get(key) ?? inputOf(input);
    wholes.set(key, known);
    return known;
  };
  const world = onRanks(degrees);
  const perPlace = { ...world, pp: 1 };
  const size = numRanks(perPlace);
  const { held } = runStages(graphs, degrees, (value, i, rank) => {
    const input = graphs[Math.floor(rank / size)]!.inputs[i]!;
    return shardOf(wholeInput(input as GraphInput), value.placement, perPlace, rank % size, padding);
  });
  const whole = (place: number, { id, type, placement }: LocalValue): NdArray =>
    wholeOf(
      Array.from({ length: size }, (_, rank) => held[place * size + rank]!.get(id)!),
      type.shape,
      placement,
      perPlace,
    );
  const results = new Map<string, NdArray>();
  const [updates, observed] = [new Map(), new Map<string, NdArray>()];
  graphs.forEach((graph, place) => {
    for (const { name, value } of graph.results) {
      const here = whole(place, value);
      const known = results.get(name);
      if (known && !(distance(known, here) < 1e-9)) throw new Error(`result ${name} differs on place ${place}`);
      results.set(name, here);
    }
    for (const { state, value } of graph.updates) {
      const here = whole(place, value);
      const known = updates.get(state);
      if (known && !(distance(known, here) < 1e-9)) throw new Error(`${state.name} differs on place ${place}`);
      updates.set(state, here);
    }
    for (const { label, value } of graph.observed) observed.set(label, whole(place, value));
  });
  return { results, updates, observed };
}
