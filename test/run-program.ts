// Runs the graphs of a program at any level, each once, on numbers that seeds decide, and compares two such runs.
import type { GraphInput, LocalGraph } from "../src/ir/graph.js";
import { type GraphRun, runGraph } from "../src/ir/interpret.js";
import { runLocalGraph } from "../src/ir/interpret-local.js";
import { type Degrees, numRanks } from "../src/ir/mesh.js";
import { type NdArray, zeros } from "../src/ir/nd.js";
import type { Program } from "../src/ir/program.js";
import { shardOf, wholeOf } from "../src/ir/shards.js";
import type { State } from "../src/ir/state.js";
import { distance, randomArray, randomIntegers } from "./arrays.js";
import { runPipeline } from "./run-stages.js";

/** The whole value of an input. */
export type InputOf = (input: GraphInput) => NdArray;

/** Numbers that the names of inputs and a seed decide; integers stay below `below`, gradients are zero if asked for. */
export const inputsFrom =
  ({ seed = 1, below = 5, zeroGradients = false } = {}): InputOf =>
  ({ value: { type }, source }) => {
    const name = source.kind === "state" ? source.state.name : source.kind === "batch" ? source.field : source.name;
    const number = hash(`${source.kind} ${name}`) + seed;
    if (type.dtype === "i32") return randomIntegers(type.shape, number, below);
    if (type.dtype === "bool") return randomIntegers(type.shape, number, 2);
    const kind = source.kind === "state" ? source.state.kind : null;
    if (kind === "gradient" && zeroGradients) return zeros(type.shape);
    // Second moments are never negative; learning rates and counters neither.
    if (kind === "optimizer" || source.kind === "scalar") return randomArray(type.shape, number, 0.1, 1);
    return randomArray(type.shape, number);
  };

function hash(text: string): number {
  let number = 7;
  for (const character of text) number = (Math.imul(number, 31) + character.codePointAt(0)!) >>> 0;
  return number % 1000003;
}

export type Runs = ReadonlyMap<string, GraphRun>;

/** Every graph of a logical or placed program on whole values. */
export const runWhole = (program: Program<"logical"> | Program<"placed">, inputOf: InputOf): Runs =>
  new Map(
    [...program.graphs.values()].map((graph) => [
      graph.name,
      runGraph(graph, (source, value) => inputOf({ source, value })),
    ]),
  );

/** Every graph of a local program on simulated ranks; what they hold, put together. */
export const runRanks = (program: Program<"local">, degrees: Degrees, inputOf: InputOf, padding?: number): Runs =>
  program.pipelined
    ? runPipeline(program, degrees, inputOf, padding)
    : new Map(
        [...program.graphs.values()].map((graph) => [graph.name, runLocal(graph, degrees, inputOf, { padding })]),
      );

export interface LocalOptions {
  readonly padding?: number | undefined;
  /** Does not compare shapes with types: for graphs that were broken on purpose. */
  readonly isBlind?: boolean;
}

export function runLocal(graph: LocalGraph, degrees: Degrees, inputOf: InputOf, options: LocalOptions = {}): GraphRun {
  const wholes = graph.inputs.map((input) => inputOf(input as GraphInput));
  const { held } = runLocalGraph(
    graph,
    degrees,
    (value, i, rank) => shardOf(wholes[i]!, value.placement, degrees, rank, options.padding),
    options.isBlind,
  );
  const whole = (value: LocalGraph["results"][number]["value"]): NdArray =>
    wholeOf(
      Array.from({ length: numRanks(degrees) }, (_, rank) => held[rank]!.get(value.id)!),
      value.type.shape,
      value.placement,
      degrees,
    );
  return {
    results: new Map(graph.results.map(({ name, value }) => [name, whole(value)])),
    updates: new Map(graph.updates.map(({ state, value }) => [state, whole(value)])),
    observed: new Map(graph.observed.map(({ label, value }) => [label, whole(value)])),
  };
}

/** What differs by more than `tolerance`, or is there in one alone; states of `gone` may be missing in the second. */
export function differences(
  a: Runs,
  b: Runs,
  tolerance: number,
  gone: ReadonlySet<State> = new Set(),
): readonly string[] {
  const found: string[] = [];
  const compare = <K>(
    what: string,
    one: ReadonlyMap<K, NdArray>,
    two: ReadonlyMap<K, NdArray>,
    show: (key: K) => string,
  ) => {
    for (const key of new Set([...one.keys(), ...two.keys()])) {
      const [x, y] = [one.get(key), two.get(key)];
      if (!y && gone.has(key as State)) continue;
      const apart = x && y ? distance(x, y) : Number.NaN;
      if (!(apart <= tolerance)) found.push(`${what} ${show(key)}: ${x && y ? apart : "missing"}`);
    }
  };
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [one, two] = [a.get(name), b.get(name)];
    if (!one || !two) {
      found.push(`graph ${name} is missing`);
      continue;
    }
    compare(`${name}: result`, one.results, two.results, String);
    compare(`${name}: update`, one.updates, two.updates, (state) => state.name);
    compare(`${name}: observed`, one.observed, two.observed, String);
  }
  return found;
}
