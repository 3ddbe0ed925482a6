// What a pipeline is once a program is cut into stages: who holds what, which graphs run where, and the table that says
// in which order microbatches go through the stages. A stage is numbered along the model; a rank at place r of axis pp has
// the stages r, r + numPlaces, ...
import type { PipelineSchedule } from "./layout.js";
import type { State } from "./state.js";

/** One microbatch on its way through one stage. */
export interface Cell {
  readonly way: "forward" | "backward";
  readonly microbatch: number;
  readonly stage: number;
}

export interface PipelineShape {
  readonly schedule: PipelineSchedule;
  /** Ranks on axis pp. */
  readonly numPlaces: number;
  readonly stagesPerRank: number;
  readonly numMicrobatches: number;
}

/** By place on axis pp, what its ranks do in order. */
export type PipelineTable = readonly (readonly Cell[])[];

export interface Pipelined {
  readonly shape: PipelineShape;
  readonly table: PipelineTable;
  /** By the name that host code knows a graph by, the names of what each place on pp runs. */
  readonly graphs: ReadonlyMap<string, readonly string[]>;
  /** The place on pp that holds a state; null: all do. */
  readonly homes: ReadonlyMap<State, number | null>;
}

export const placeOfStage = (stage: number, { numPlaces }: PipelineShape): number => stage % numPlaces;

/** The names of the graphs that the places of pp run under one name; that name alone where there are no stages. */
export const stageGraphs = (pipelined: Pipelined | undefined, graph: string): readonly string[] =>
  pipelined?.graphs.get(graph) ?? [graph];

/** The place on pp that runs a graph; null: all do. */
export function placeOfGraph(pipelined: Pipelined | undefined, graph: string): number | null {
  for (const names of pipelined?.graphs.values() ?? []) if (names.includes(graph)) return names.indexOf(graph);
  return null;
}
