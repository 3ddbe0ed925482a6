// Runs a scheduled program on simulated ranks in lock step, in float64, with memory that is really shared: buffers are
// bytes of one arena, and what a buffer's bytes held before its life is gone. Collectives take place at their wait.
// Long: the meaning of every kind of launch, one after the other.
import { type Degrees, groupOf, numRanks } from "./mesh.js";
import type { NdArray } from "./nd.js";
import { RankMemory } from "./rank-memory.js";
import type { Amount, CollectiveLaunch, Launch, ScheduledProgram, WaitLaunch } from "./scheduled.js";
import { Rank, type RunInputs, type Running } from "./simulated-rank.js";
import type { State } from "./state.js";
import { numBytesOf } from "./tensor-type.js";

export type { RunInputs };

/** Per rank what a graph leaves behind, as flat arrays. */
export interface ScheduledRun {
  readonly results: readonly ReadonlyMap<string, Float64Array>[];
  readonly observed: readonly ReadonlyMap<string, NdArray>[];
}

/** Ranks with their states, on which graphs run one after the other. */
export class ScheduledMachine {
  readonly degrees: Degrees;
  readonly numRanks: number;
  private readonly states: readonly RankMemory[];
  private readonly arenas: readonly RankMemory[];
  constructor(
    private readonly program: ScheduledProgram,
    private readonly variant: number,
  ) {
    const { degrees, stateBytes, arenaBytes } = program.variants[variant]!;
    this.degrees = degrees;
    this.numRanks = numRanks(degrees);
    const ranks = Array.from({ length: this.numRanks }, (_, rank) => rank);
    this.states = ranks.map(() => new RankMemory("the area of states", stateBytes));
    this.arenas = ranks.map(() => new RankMemory("the arena", arenaBytes));
  }

  setState(state: State, rank: number, { data }: NdArray): void {
    const { buffer, localShapes } = this.homeOf(state);
    const count = localShapes[this.variant]!.reduce((n, size) => n * size, 1);
    if (data.length !== count) throw new Error(`${state.name} has ${count} elements here, not ${data.length}`);
    const start = (buffer.home as { offset: Amount }).offset[this.variant]!;
    for (let i = 0; i < count; i++)
      this.states[rank]!.write(start + i * numBytesOf[buffer.dtype], buffer.dtype, data[i]!);
  }

  state(state: State, rank: number): NdArray {
    const { buffer, localShapes } = this.homeOf(state);
    const shape = localShapes[this.variant]!;
    const start = (buffer.home as { offset: Amount }).offset[this.variant]!;
    const count = shape.reduce((n, size) => n * size, 1);
    const data = new Float64Array(count);
    for (let i = 0; i < count; i++)
      data[i] = this.states[rank]!.read(start + i * numBytesOf[buffer.dtype], buffer.dtype);
    return { shape, data };
  }

  private homeOf(state: State) {
    const home = this.program.states.find((each) => each.state === state);
    if (!home) throw new Error(`${state.name} has no home`);
    return home;
  }

  /** Throws an `Error` where a launch reads or writes out of bounds. */
  run(name: string, inputs: RunInputs): ScheduledRun {
    const graph = this.program.graphs.get(name);
    if (!graph) throw new Error(`there is no graph ${name}`);
    const ranks = Array.from(
      { length: this.numRanks },
      (_, rank) => new Rank(rank, this.variant, this.degrees, graph, inputs, this.states[rank]!, this.arenas[rank]!),
    );
    runLaunches(graph.launches, ranks);
    return { results: ranks.map((rank) => rank.results()), observed: ranks.map(({ observed }) => observed) };
  }
}

function runLaunches(launches: readonly Launch[], ranks: readonly Rank[]): void {
  for (const launch of launches) {
    if (launch.kind === "loop")
      for (let round = 0; round < launch.count; round++) {
        for (const rank of ranks) rank.rounds.set(launch.loop, round);
        runLaunches(launch.body, ranks);
      }
    else if (launch.kind === "collective") begin(launch, ranks);
    else if (launch.kind === "wait") end(handleNow(launch, ranks[0]!)!, ranks);
    else for (const rank of ranks) rank.run(launch);
  }
}

/** Null where it is no round's turn. */
function handleNow({ handle, turn }: CollectiveLaunch | WaitLaunch, { rounds }: Rank): number | null {
  if (!turn) return handle;
  const round = rounds.get(turn.loop)! + turn.ahead;
  return round < turn.count ? handle + (round % turn.numHandles) : null;
}

function begin(launch: CollectiveLaunch, ranks: readonly Rank[]): void {
  const handle = handleNow(launch, ranks[0]!);
  if (handle === null) return;
  for (const rank of ranks) {
    const parts = launch.parts.map(({ source, target, numElements }) => ({
      source: { buffer: rank.buffer(source.place), offset: source.offset },
      target: { buffer: rank.buffer(target.place), offset: target.offset },
      numElements,
    }));
    for (const { source, target } of parts)
      if (rank.region(source.buffer) !== rank.region(target.buffer)) rank.forget(target.buffer);
    const known = rank.running.get(handle);
    if (known) known.push({ launch, parts });
    else rank.running.set(handle, [{ launch, parts }]);
  }
}

/** Only now it does what it does to the parts of a group, in the order in which rounds began it. */
function end(handle: number, ranks: readonly Rank[]): void {
  const begun = ranks[0]!.running.get(handle);
  if (!begun) throw new Error(`handle ${handle} is waited for and was not begun`);
  begun.forEach(({ launch, parts }, i) => {
    parts.forEach(({ numElements }, p) => {
      const partOf = (rank: Rank): Running["parts"][number] => rank.running.get(handle)![i]!.parts[p]!;
      const held = ranks.map((rank) => {
        const { source } = partOf(rank);
        return rank.readRun(source.buffer, source.offset, numElements);
      });
      for (const rank of ranks) {
        const group = groupOf(rank.rank, launch.axis, rank.degrees);
        const result = combined(
          launch,
          group.map((peer) => held[peer]!),
          group.indexOf(rank.rank),
        );
        const { target } = partOf(rank);
        rank.writeRun(target.buffer, target.offset, result);
      }
    });
  });
  for (const rank of ranks) rank.running.delete(handle);
}

function combined({ what, reduction }: CollectiveLaunch, parts: readonly Float64Array[], place: number): Float64Array {
  const by = reduction === "max" ? Math.max : (a: number, b: number) => a + b;
  const reduced = (): Float64Array => parts.reduce((a, b) => a.map((x, i) => by(x, b[i]!)));
  const pieceOf = (part: Float64Array, i: number): Float64Array => {
    const size = part.length / parts.length;
    return part.subarray(i * size, (i + 1) * size);
  };
  const behind = (list: readonly Float64Array[]): Float64Array => {
    const all = new Float64Array(list.reduce((n, { length }) => n + length, 0));
    let at = 0;
    for (const part of list) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  switch (what) {
    case "all-reduce":
      return reduced();
    case "reduce-scatter":
      return pieceOf(reduced(), place);
    case "all-gather":
      return behind(parts);
    case "all-to-all":
      return behind(parts.map((part) => pieceOf(part, place)));
    case "permute":
      return parts[(place - 1 + parts.length) % parts.length]!;
  }
}
