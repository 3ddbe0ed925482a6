// What a program will need, counted from its compiled form before anything is built, for each way to fill an open degree
// and, in a pipeline, for each place of axis pp: the memory of a rank, and of a training step what it sends and computes.

import { bufferUseNames } from "../../ir/buffer-uses.js";
import { localCost } from "../../ir/cost.js";
import { type GraphMemory, type MemoryPlan, memoryPlan } from "../../ir/memory-plan.js";
import { stageGraphs } from "../../ir/pipeline.js";
import { type Axis, rankAxes } from "../../ir/placement.js";
import type { ScheduledProgram, Variant } from "../../ir/scheduled.js";
import { type Traffic, trafficOf } from "../../ir/scheduled-traffic.js";
import { runsPerStep } from "../../ir/step-runs.js";

export interface RankPlan {
  readonly worldSize: number;
  readonly degrees: Variant["degrees"];
  /** The place on axis pp whose ranks it is about; absent: all ranks. */
  readonly pp?: number;
  /** Parameters, buffers, optimizer state, and gradients that are kept from run to run. */
  readonly stateBytes: number;
  /** Everything that lives within a run of a graph. */
  readonly arenaBytes: number;
  /** Of the bytes of state, those that rest in host memory. */
  readonly offloadedBytes: number;
  /** The parts of both, which add up to them. */
  readonly memory: MemoryParts;
  readonly step: StepPlan;
}
/** In bytes. Of the arena, what is alive at the fullest moment of the graph that needs most of it. */
export interface MemoryParts {
  readonly parameters: number;
  readonly buffers: number;
  /** Kept between runs, and those that live in the arena. */
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  /** States that are gathered for the modules that use them. */
  readonly gathered: number;
  /** What other collectives bring or take along. */
  readonly inFlight: number;
  /** Between states and buffers, and what other moments need beyond that one. */
  readonly gaps: number;
}
export interface StepPlan {
  /** The graphs that a training step runs, and how often: once for each microbatch, for example. */
  readonly graphs: readonly { readonly name: string; readonly runs: number }[];
  /** Most bytes of each use that are alive at one moment, each at its own: all gradients together, for example. */
  readonly mostOf: GraphMemory["mostOf"];
  /** What one rank sends. */
  readonly traffic: readonly Traffic[];
  /** Operations of one rank: multiplications and additions, counted apart. */
  readonly flops: number;
}

/** One entry for each variant, and in it for each place of a pipeline. */
export const planOf = (scheduled: ScheduledProgram): readonly RankPlan[] =>
  scheduled.variants.flatMap(({ degrees, areas }, variant) =>
    areas.map(({ stateBytes, arenaBytes, offloadedBytes }, place) => {
      const memory = memoryPlan(scheduled, variant, place);
      return {
        worldSize: rankAxes.reduce((size, axis) => size * degrees[axis], 1),
        degrees,
        ...(areas.length > 1 ? { pp: place } : {}),
        stateBytes,
        arenaBytes,
        offloadedBytes,
        memory: memoryParts(memory),
        step: stepPlan(scheduled, memory, variant, place),
      };
    }),
  );

function memoryParts({ states, graphs, stateBytes, arenaBytes }: MemoryPlan): MemoryParts {
  const stateOf = (wanted: string): number => sum(states.filter(({ kind }) => kind === wanted));
  const fullest = graphs.toSorted((a, b) => b.plannedBytes - a.plannedBytes)[0];
  const liveOf = (wanted: string): number => sum(fullest?.live.filter(({ use }) => use === wanted) ?? []);
  const parts = {
    parameters: stateOf("parameter"),
    buffers: stateOf("buffer"),
    gradients: stateOf("gradient") + liveOf("gradients"),
    optimizer: stateOf("optimizer"),
    activations: liveOf("activations"),
    gathered: liveOf("gathered"),
    inFlight: liveOf("in flight"),
  };
  const named = Object.values(parts).reduce((total, bytes) => total + bytes, 0);
  return { ...parts, gaps: stateBytes + arenaBytes - named };
}

function stepPlan(
  { program, graphs, variants }: ScheduledProgram,
  memory: MemoryPlan,
  variant: number,
  place: number,
): StepPlan {
  const { degrees } = variants[variant]!;
  const runs = [...runsPerStep(program)].map(([name, times]) => {
    const own = stageGraphs(program.pipelined, name);
    return { name, times, graph: own[place] ?? own[0]! };
  });
  const inStep = memory.graphs.filter(({ graph }) => runs.some((run) => run.graph === graph));
  const mostOf = Object.fromEntries(
    bufferUseNames.map((use) => [use, Math.max(0, ...inStep.map((each) => each.mostOf[use]))]),
  ) as GraphMemory["mostOf"];
  const traffic = new Map<string, Traffic>();
  let flops = 0;
  for (const { graph, times } of runs) {
    flops += times * localCost(program.graphs.get(graph)!.steps, degrees).flops;
    for (const entry of trafficOf(graphs.get(graph)!, degrees, variant)) {
      const key = `${entry.axis} ${entry.what} ${entry.dtype}`;
      const known = traffic.get(key);
      traffic.set(key, {
        ...entry,
        count: (known?.count ?? 0) + times * entry.count,
        elements: (known?.elements ?? 0) + times * entry.elements,
        bytes: (known?.bytes ?? 0) + times * entry.bytes,
      });
    }
  }
  const at = ({ axis }: Traffic): number => rankAxes.indexOf(axis);
  return {
    graphs: runs.map(({ name, times }) => ({ name, runs: times })),
    mostOf,
    traffic: [...traffic.values()].sort((a, b) => at(a) - at(b) || b.bytes - a.bytes),
    flops,
  };
}

/** Bytes that a rank sends in a step, by axis. */
export const sentByAxis = ({ step }: RankPlan): ReadonlyMap<Axis, number> =>
  new Map(
    rankAxes.flatMap((axis) => {
      const bytes = sum(step.traffic.filter((entry) => entry.axis === axis));
      return bytes > 0 ? [[axis, bytes]] : [];
    }),
  );

const sum = (entries: readonly { readonly bytes: number }[]): number =>
  entries.reduce((total, { bytes }) => total + bytes, 0);
