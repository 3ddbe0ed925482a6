// A local graph on its way into stages: every step with the stage that does it, and when.
import type { LocalGraph, LocalValue, MoveStep, RepeatStep, Step } from "../../../ir/graph.js";

/**
 * A stage's number; "anywhere": made on every place that asks, of what is there too; "sum": every place has a term of it,
 * over axis pp; "all": every place takes part, at the same point of its list.
 */
export type Home = number | "anywhere" | "sum" | "all";

/** Once a run of the graph, or once for each microbatch, on the way forward or backward. */
export type Time = "once" | "forward" | "backward";

export interface Assigned {
  readonly step: Step<"local">;
  readonly home: Home;
  readonly time: Time;
  /** The step makes one value of those of all microbatches. */
  readonly joins: boolean;
  /** A running total over places (home "sum"): the rounds that each has. */
  readonly rounds?: ReadonlyMap<number, RepeatStep<"local">>;
}

export interface AssignedGraph {
  readonly entries: readonly Assigned[];
  /** The ends of the graph: results are on every place, what a state becomes may be elsewhere than the state. */
  readonly results: LocalGraph["results"];
  readonly updates: LocalGraph["updates"];
  readonly observed: LocalGraph["observed"];
}

/** Whether a placement cuts time, or a value is a sum over it. */
export const isInTime = ({ placement: { dims, partial } }: LocalValue): boolean =>
  partial.microbatch !== undefined || dims.some(({ axes }) => axes.includes("microbatch"));

export const joinsTime = (step: Step<"local">): step is MoveStep =>
  step.kind === "move" &&
  step.move.axis === "microbatch" &&
  (step.move.what === "all-reduce" || step.move.what === "all-gather");
