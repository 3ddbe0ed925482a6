// What `--plan` of a program lists: states by kind, and what is alive in the arena at the fullest moment of the graph that
// needs most of it. Together they are the two areas of memory, for each variant.
import { type MemoryEntry, type MemoryPlan, memoryPlan } from "../../src/ir/memory-plan.js";
import type { Amount, ScheduledProgram } from "../../src/ir/scheduled.js";
import type { StateKind } from "../../src/ir/state.js";

export interface PlanEntry {
  readonly what: string;
  readonly bytes: Amount;
  /** On axis pp. */
  readonly place: number;
}

const kindNames: { readonly [K in StateKind]: string } = {
  parameter: "parameters",
  buffer: "buffers",
  gradient: "gradients",
  optimizer: "optimizer state",
};
/** Entries of the arena that are named; the rest is one entry. */
const mostNamed = 12;

/** The largest of the first variant first, for each place on axis pp; it also says what is named. */
export const planEntries = (scheduled: ScheduledProgram): readonly PlanEntry[] =>
  scheduled.variants[0]!.areas.flatMap((_, place) => entriesAt(scheduled, place));

function entriesAt(scheduled: ScheduledProgram, place: number): readonly PlanEntry[] {
  const plans = scheduled.variants.map((_, variant) => memoryPlan(scheduled, variant, place));
  const fullest = plans[0]!.graphs.toSorted((a, b) => b.plannedBytes - a.plannedBytes)[0];
  const named = [...new Set(fullest?.live.slice(0, mostNamed).map(({ name }) => name))];
  const perPlan = (bytesOf: (plan: MemoryPlan) => number): Amount => plans.map(bytesOf);
  const liveBytes = ({ graphs }: MemoryPlan, name: string): number =>
    sum(graphs.filter(({ graph }) => graph === fullest!.graph).flatMap(({ live }) => live.filter(isNamed(name))));
  const namedBytes = (plan: MemoryPlan): number => named.reduce((n, name) => n + liveBytes(plan, name), 0);
  return [
    ...Object.entries(kindNames).map(([kind, what]) => ({
      what: plans[0]!.states.some((state) => state.kind === kind && state.isOffloaded)
        ? `${what} in host memory`
        : what,
      bytes: perPlan(({ states }) => sum(states.filter((state) => state.kind === kind))),
      place,
    })),
    ...named.map((name) => ({
      what: `${fullest!.graph}: ${name}`,
      bytes: perPlan((plan) => liveBytes(plan, name)),
      place,
    })),
    { what: "everything else in the arena", bytes: perPlan((plan) => plan.arenaBytes - namedBytes(plan)), place },
    { what: "gaps between states", bytes: perPlan(({ states, stateBytes }) => stateBytes - sum(states)), place },
  ]
    .filter(({ bytes }) => bytes.some((size) => size > 0))
    .toSorted((a, b) => b.bytes[0]! - a.bytes[0]!);
}

const isNamed =
  (name: string) =>
  (entry: MemoryEntry): boolean =>
    entry.name === name;
const sum = (sizes: readonly { readonly bytes: number }[]): number => sizes.reduce((n, { bytes }) => n + bytes, 0);
