// Runs a scheduled program on simulated ranks in lock step, in float64, with memory that is really shared: buffers are
// bytes of one arena, and what a buffer's bytes held before its life is gone. Collectives take place at their wait.
// Long: the meaning of every kind of launch, one after the other.
import { type Degrees, groupOf, numRanks, onRanks } from "./mesh.js";
import type { NdArray } from "./nd.js";
import { stageGraphs } from "./pipeline.js";
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
    const { degrees, areas } = program.variants[variant]!;
    this.degrees = degrees;
    this.numRanks = numRanks(onRanks(degrees));
    const perPlace = this.numRanks / areas.length;
    const own = Array.from({ length: this.numRanks }, (_, rank) => areas[Math.floor(rank / perPlace)]!);
    this.states = own.map(({ stateBytes }) => new RankMemory("the area of states", stateBytes));
    this.arenas = own.map(({ arenaBytes }) => new RankMemory("the arena", arenaBytes));
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
    const graphs = stageGraphs(this.program.program.pipelined, name).map((each) => {
      const graph = this.program.graphs.get(each);
      if (!graph) throw new Error(`there is no graph ${each}`);
      return graph;
    });
    const perPlace = this.numRanks / graphs.length;
    const ranks = Array.from({ length: this.numRanks }, (_, rank) => {
      const graph = graphs[Math.floor(rank / perPlace)]!;
      return new Rank(rank, this.variant, this.degrees, graph, inputs, this.states[rank]!, this.arenas[rank]!);
    });
    const meetings: Meetings = { mail: new Map(), met: new Map() };
    runTogether(
      graphs.map((graph, place) => {
        const own = ranks.slice(place * perPlace, (place + 1) * perPlace);
        return runLaunches(graph.launches, { ranks: own, meetings, numMet: 0, numbers: new Map() });
      }),
    );
    return { results: ranks.map((rank) => rank.results()), observed: ranks.map(({ observed }) => observed) };
  }
}

/** The ranks of one place on axis pp, which run one graph in lock step. */
interface PipelinePlace {
  readonly ranks: readonly Rank[];
  readonly meetings: Meetings;
  /** Collectives over pp so far, and by handle which one it is. */
  numMet: number;
  readonly numbers: Map<number, number>;
}
/** What places have said to each other and not yet heard: by channel and rank, and by the number of a meeting and rank. */
interface Meetings {
  readonly mail: Map<string, Float64Array>;
  readonly met: Map<string, Float64Array>;
}
type Run = Generator<"waits" | "moved">;

/** Throws an `Error` where all wait. */
function runTogether(places: readonly Run[]): void {
  const left = new Set(places);
  while (left.size > 0) {
    let hasMoved = false;
    for (const place of left)
      for (;;) {
        const { done, value } = place.next();
        if (done) left.delete(place);
        if (done || value === "moved") hasMoved = true;
        if (done || value === "waits") break;
      }
    if (!hasMoved) throw new Error("the places of the pipeline wait for each other forever");
  }
}

function* runLaunches(launches: readonly Launch[], place: PipelinePlace): Run {
  const { ranks } = place;
  for (const launch of launches) {
    if (launch.kind === "loop")
      for (let round = 0; round < launch.count; round++) {
        for (const rank of ranks) rank.rounds.set(launch.loop, round);
        yield* runLaunches(launch.body, place);
      }
    else if (launch.kind === "collective") {
      begin(launch, ranks);
      if (launch.axis === "pp") beginBetweenPlaces(launch, place);
    } else if (launch.kind === "wait") {
      const handle = handleNow(launch, ranks[0]!);
      if (handle === null) continue;
      const begun = ranks[0]!.running.get(handle);
      if (begun?.[0]?.launch.axis === "pp") yield* endBetweenPlaces(handle, begun[0], place);
      else end(handle, ranks);
    } else for (const rank of ranks) rank.run(launch);
  }
}

const placePeers = (rank: Rank): readonly number[] => groupOf(rank.rank, "pp", onRanks(rank.degrees));

/** What goes to other places is on its way from here on. */
function beginBetweenPlaces({ what, handle, transfer }: CollectiveLaunch, place: PipelinePlace): void {
  if (what === "receive") return;
  if (what !== "send") place.numbers.set(handle, place.numMet++);
  for (const rank of place.ranks) {
    const { source, numElements } = rank.running.get(handle)!.at(-1)!.parts[0]!;
    const values = rank.readRun(source.buffer, source.offset, numElements);
    if (what === "send") place.meetings.mail.set(`${transfer!.channel} ${placePeers(rank)[transfer!.peer]}`, values);
    else place.meetings.met.set(`${place.numbers.get(handle)} ${rank.rank}`, values);
  }
}

/** A transfer, or a collective over pp. */
function* endBetweenPlaces(handle: number, { launch, parts }: Running, place: PipelinePlace): Run {
  const { ranks, meetings } = place;
  const [part, ...more] = parts;
  if (!part || more.length > 0) throw new Error("places of a pipeline meet for one thing at a time");
  const write = (rank: Rank, values: Float64Array): void => {
    const { target } = rank.running.get(handle)![0]!.parts[0]!;
    rank.writeRun(target.buffer, target.offset, values);
  };
  if (launch.what === "receive") {
    const keyOf = (rank: Rank): string => `${launch.transfer!.channel} ${rank.rank}`;
    while (!ranks.every((rank) => meetings.mail.has(keyOf(rank)))) yield "waits";
    for (const rank of ranks) {
      write(rank, meetings.mail.get(keyOf(rank))!);
      meetings.mail.delete(keyOf(rank));
    }
  } else if (launch.what !== "send") {
    const keyOf = (rank: number): string => `${place.numbers.get(handle)} ${rank}`;
    while (!ranks.every((rank) => placePeers(rank).every((peer) => meetings.met.has(keyOf(peer))))) yield "waits";
    for (const rank of ranks) {
      const group = placePeers(rank);
      const held = group.map((peer) => meetings.met.get(keyOf(peer))!);
      write(rank, combined(launch, held, group.indexOf(rank.rank)));
    }
  }
  for (const rank of ranks) rank.running.delete(handle);
  yield "moved";
}

/** Null where it is no round's turn. */
function handleNow({ handle, stagger }: CollectiveLaunch | WaitLaunch, { rounds }: Rank): number | null {
  if (!stagger) return handle;
  const round = rounds.get(stagger.loop)! + stagger.ahead;
  return round >= 0 && round < stagger.count ? handle + (round % stagger.numHandles) : null;
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
      if (launch.what === "receive" || rank.region(source.buffer) !== rank.region(target.buffer))
        rank.forget(target.buffer);
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
        const group = groupOf(rank.rank, launch.axis, onRanks(rank.degrees));
        const result = combined(
          launch,
          group.map((peer) => held[ranks.findIndex((each) => each.rank === peer)]!),
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
    case "send":
    case "receive":
      throw new Error("a transfer is between two ranks");
    case "permute":
      return parts[(place - 1 + parts.length) % parts.length]!;
  }
}
