// What the planned memory is for: the area of states by kind, and, of each graph, the buffers that are alive at the moment
// when most bytes of the arena are in use, by name. Buffers of repeated layers are one entry.
import { type BufferUse, bufferUseNames, bufferUses } from "./buffer-uses.js";
import { leavesOf, touchesOf } from "./memory-touches.js";
import { placeOfGraph } from "./pipeline.js";
import type { Buffer, Launch, ScheduledGraph, ScheduledProgram } from "./scheduled.js";
import type { StateKind } from "./state.js";
import { numBytesOf } from "./tensor-type.js";

export interface MemoryEntry {
  /** The user's name as far as there is one; `grad.x` is the gradient of x. */
  readonly name: string;
  readonly use: BufferUse;
  readonly count: number;
  readonly bytes: number;
}
export interface GraphMemory {
  readonly graph: string;
  /** Most bytes in use at one moment, and the bytes that the plan needs for them. */
  readonly liveBytes: number;
  readonly plannedBytes: number;
  /** What is alive at that moment, the largest first. */
  readonly live: readonly MemoryEntry[];
  /** Most bytes of each use at one moment, each at its own. */
  readonly mostOf: { readonly [U in BufferUse]: number };
}
export interface MemoryPlan {
  readonly states: readonly { readonly kind: StateKind; readonly bytes: number; readonly isOffloaded: boolean }[];
  readonly stateBytes: number;
  /** Of the bytes of states, those that rest in host memory. */
  readonly offloadedBytes: number;
  readonly arenaBytes: number;
  readonly graphs: readonly GraphMemory[];
}

/** The memory of one rank in a variant, at a place of axis pp. */
export function memoryPlan(program: ScheduledProgram, variant = 0, place = 0): MemoryPlan {
  const { pipelined } = program.program;
  const bytesOf = ({ numElements, dtype }: Buffer): number => numElements[variant]! * numBytesOf[dtype];
  const kinds = new Map<StateKind, number>();
  for (const { state, buffer, place: only } of program.states)
    if (only === undefined || only === place) kinds.set(state.kind, (kinds.get(state.kind) ?? 0) + bytesOf(buffer));
  const offloaded = new Set(program.states.flatMap(({ state, isOffloaded }) => (isOffloaded ? [state.kind] : [])));
  const { stateBytes, arenaBytes, offloadedBytes } = program.variants[variant]!.areas[place]!;
  const graphs = [...program.graphs.values()].filter(({ name }) => (placeOfGraph(pipelined, name) ?? place) === place);
  return {
    states: [...kinds].map(([kind, bytes]) => ({ kind, bytes, isOffloaded: offloaded.has(kind) })),
    stateBytes,
    offloadedBytes,
    arenaBytes,
    graphs: graphs.map((graph) => graphMemory(graph, variant, bytesOf)),
  };
}

function graphMemory(graph: ScheduledGraph, variant: number, bytesOf: (buffer: Buffer) => number): GraphMemory {
  const lives = livesOf(graph);
  const useOf = bufferUses(graph);
  const { most, when } = fullestMoment([...lives], bytesOf);
  const mostOf = Object.fromEntries(
    bufferUseNames.map((use) => [
      use,
      fullestMoment(
        [...lives].filter(([buffer]) => useOf(buffer) === use),
        bytesOf,
      ).most,
    ]),
  ) as GraphMemory["mostOf"];
  const entries = new Map<string, MemoryEntry>();
  for (const [buffer, { first, last }] of lives) {
    if (first > when || last < when) continue;
    const name = buffer.name.replace(/\d+$/, "");
    const use = useOf(buffer);
    const known = entries.get(`${name} ${use}`) ?? { name, use, count: 0, bytes: 0 };
    const [count, bytes] = [known.count + 1, known.bytes + bytesOf(buffer)];
    entries.set(`${name} ${use}`, { name, use, count, bytes });
  }
  const ends = [...lives.keys()].map(
    (buffer) => (buffer.home as { offset: readonly number[] }).offset[variant]! + bytesOf(buffer),
  );
  return {
    graph: graph.name,
    liveBytes: most,
    plannedBytes: Math.max(0, ...ends),
    live: [...entries.values()].sort((a, b) => b.bytes - a.bytes),
    mostOf,
  };
}

function fullestMoment(
  lives: readonly (readonly [Buffer, Life])[],
  bytesOf: (buffer: Buffer) => number,
): { readonly most: number; readonly when: number } {
  const changes = lives.flatMap(([buffer, { first, last }]) => [
    { at: first, bytes: bytesOf(buffer) },
    { at: last + 0.5, bytes: -bytesOf(buffer) },
  ]);
  changes.sort((a, b) => a.at - b.at);
  let [now, most, when] = [0, 0, 0];
  for (const { at, bytes } of changes) {
    now += bytes;
    if (now > most) [most, when] = [now, at];
  }
  return { most, when };
}

interface Life {
  first: number;
  last: number;
}

/** From when to when each buffer of the arena is used; what a loop finds or leaves there, for all of the loop. */
function livesOf(graph: ScheduledGraph): ReadonlyMap<Buffer, Life> {
  const lives = new Map<Buffer, Life>();
  let now = 0;
  const touch = (buffer: Buffer, first: number, last: number): void => {
    if (buffer.home.kind !== "arena") return;
    const life = lives.get(buffer);
    if (!life) lives.set(buffer, { first, last });
    else [life.first, life.last] = [Math.min(life.first, first), Math.max(life.last, last)];
  };
  /** The buffers that launches touch, and those of them that they write before they read. */
  const walk = (
    launches: readonly Launch[],
  ): { readonly written: ReadonlySet<Buffer>; readonly touched: ReadonlySet<Buffer> } => {
    const written = new Set<Buffer>();
    const touched = new Set<Buffer>();
    for (const launch of launches) {
      now++;
      if (launch.kind === "loop") {
        const start = now;
        const inside = walk(launch.body);
        now++;
        for (const buffer of inside.touched) {
          touched.add(buffer);
          if (!inside.written.has(buffer)) touch(buffer, start, now);
        }
        continue;
      }
      for (const { place, isWrite } of touchesOf(launch)) {
        const buffers = leavesOf(place);
        for (const buffer of buffers) {
          if (isWrite && buffers.length === 1 && !touched.has(buffer)) written.add(buffer);
          touched.add(buffer);
          touch(buffer, now, now);
        }
      }
    }
    return { written, touched };
  };
  walk(graph.launches);
  return lives;
}
