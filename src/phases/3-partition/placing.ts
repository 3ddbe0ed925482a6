// What the placing walk knows while it goes through a graph: where values are, what they are used as, and who reads them.
import type { LogicalValue, OpStep, Phase, PlacedValue, Step } from "../../ir/graph.js";
import type { Mark } from "../../ir/layout.js";
import type { MeshFacts } from "../../ir/mesh-facts.js";
import type { Axis, Placement } from "../../ir/placement.js";

/** Where a value is between steps, and where readers in forward and backward see it: these differ for states that FSDP gathers. */
export interface Where {
  readonly rest: Placement;
  readonly use: Placement;
  /** A parameter, or made of parameters alone: its letters win over an activation's. */
  readonly isParameter: boolean;
}

export interface Known extends Where {
  readonly placed: PlacedValue;
  /** What it is (a term of) the gradient of, where that is known. */
  readonly primal: Where | null;
  /** Dims that were made of nothing (see refit.ts): they can be had split as well, and hold the same all along. */
  readonly floating: ReadonlySet<number>;
}

export interface Placing {
  readonly facts: MeshFacts;
  /** A new value id, unused in the graph and in its bodies. */
  readonly newId: () => number;
  readonly markOf: (step: OpStep<"logical">) => Mark | null;
  /** Axes that, where marks name them, deal head and tail pieces of the marked dim. */
  readonly dealing: readonly Axis[];
  /** Every value placed so far, those of other bodies too: a gradient in one body belongs to a value of another. */
  readonly known: Map<number, Known>;
}

/** One list of steps on its way: a graph's, or a repeat body's. */
export interface Block {
  readonly reads: ReadonlyMap<number, number>;
  /** Values that are read in a narrower form alone (see narrowing.ts). */
  readonly narrowed: ReadonlySet<number>;
  /** Where a value was brought already: bringing it there again costs nothing. */
  readonly copies: Map<number, Placement[]>;
  readonly steps: Step<"placed">[];
}

export const lookUp = (placing: Placing, value: LogicalValue): Known => {
  const known = placing.known.get(value.id);
  if (!known) throw new Error(`value ${value.id} (${value.name}) is read before it is made`);
  return known;
};

export const placementIn = (phase: Phase, where: Where): Placement => (phase === "update" ? where.rest : where.use);

export const primalOf = (placing: Placing, value: LogicalValue): Where | null =>
  value.gradientOf === null ? null : (placing.known.get(value.gradientOf) ?? null);

/** Enters a value that lies where it is used. */
export function learn(
  placing: Placing,
  value: LogicalValue,
  placement: Placement,
  more: Partial<Known> = {},
): PlacedValue {
  const placed: PlacedValue = { ...value, placement };
  placing.known.set(value.id, {
    placed,
    rest: placement,
    use: placement,
    isParameter: false,
    primal: primalOf(placing, value),
    floating: new Set(),
    ...more,
  });
  return placed;
}

/** How often each value is read in a list of steps and by `others` (results, updates, what leaves a body). */
export function countReads(
  steps: readonly Step<"logical">[],
  others: readonly LogicalValue[],
): ReadonlyMap<number, number> {
  const reads = new Map<number, number>();
  const read = (value: LogicalValue): void => void reads.set(value.id, (reads.get(value.id) ?? 0) + 1);
  for (const step of steps) {
    if (step.kind === "op") step.inputs.forEach(read);
    else if (step.kind === "repeat") {
      for (const { start } of step.carried) read(start);
      for (const { items } of step.stacked) items.forEach(read);
      for (const { outer } of step.shared) read(outer);
    } else [step.loss, ...step.by].forEach(read);
  }
  others.forEach(read);
  return reads;
}
