// The memory that each rank of a program needs, as planned: for each way to fill an open degree, the areas of memory and
// what takes most of them.
import { rankAxes } from "../../ir/placement.js";
import type { ScheduledProgram, Variant } from "../../ir/scheduled.js";
import { describeBytes } from "./bytes.js";

export interface MemoryPlan {
  readonly worldSize: number;
  readonly degrees: Variant["degrees"];
  /** Parameters, gradients, optimizer state. */
  readonly stateBytes: number;
  /** Activations and scratch. */
  readonly arenaBytes: number;
}

/** One entry for each variant. */
export const planOf = ({ variants }: ScheduledProgram): readonly MemoryPlan[] =>
  variants.map(({ degrees, stateBytes, arenaBytes }) => ({
    worldSize: rankAxes.reduce((size, axis) => size * degrees[axis], 1),
    degrees,
    stateBytes,
    arenaBytes,
  }));

/** A table: ranks, and the memory of each. */
export const describePlan = (plan: readonly MemoryPlan[]): string =>
  [
    "memory of each rank:",
    `  ${"ranks".padStart(6)}  ${"in all".padStart(10)}  ${"state".padStart(10)}  ${"activations".padStart(11)}`,
    ...plan.map(
      ({ worldSize, stateBytes, arenaBytes }) =>
        `  ${String(worldSize).padStart(6)}  ${describeBytes(stateBytes + arenaBytes).padStart(10)}  ` +
        `${describeBytes(stateBytes).padStart(10)}  ${describeBytes(arenaBytes).padStart(11)}`,
    ),
    "",
  ].join("\n");
