// Where states and batches lie, from the mesh and the kinds of states. Data parallel: parameters are whole everywhere.
// FSDP: a parameter rests split along dim 0, inside what its use splits, and is used without that. Gradients rest as
// their parameter does, and as sums over the axes that do not split it but give them in parts, so that microbatches add up
// without a collective. Optimizer state rests as its parameter does.

import { defaultLayout, type Layout, type Mark } from "../../ir/layout.js";
import { dataAxes, type MeshFacts, plainPlacement } from "../../ir/mesh-facts.js";
import { type Axis, axisOrder, notSplit, type Placement, wholePlacement } from "../../ir/placement.js";
import type { Loader, PlacementPlan } from "../../ir/program.js";
import type { State, StatePlacement } from "../../ir/state.js";
import { batchMark } from "../../ops/layout.js";
import type { UnitOf } from "./find-units.js";

export interface PlanOptions {
  /** Where a parameter or buffer is when a module uses it: what a tensor-parallel plan says. Null: whole. */
  readonly use: (state: State) => Placement | null;
  /** Whether FSDP splits a parameter at rest. */
  readonly isSharded: (state: State) => boolean;
  /** The dim of a batch field that context parallelism splits, or null. */
  readonly sequenceDim: (field: string) => number | null;
  /** By name, where marked values lie. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Whether gradients wait for the last microbatch as whole sums, also over the axes that split their parameter at rest. */
  readonly accumulatesWhole: boolean;
  /** Axes, beside those that are always summed over, over which terms of a parameter's gradient come as sums. */
  readonly sums: (parameter: State) => readonly Axis[];
}

/** Ranks of these axes have other samples, or other parts of them: what they know of a gradient is a term of a sum. */
export const alwaysSummed: readonly Axis[] = [...dataAxes, "cp"];

/** What the user's hooks ask for. */
export const planFor = (
  { uses, marks, shardUnits, accumulatesWhole }: Layout,
  unitOf: UnitOf = () => 1,
): PlanOptions => ({
  use: (state) => {
    const use = uses.get(state);
    return use === undefined ? null : markedPlacement(state, use, unitOf);
  },
  isSharded: (state) =>
    state.kind === "parameter" && (shardUnits === null || shardUnits.some(({ states }) => states.includes(state))),
  sequenceDim: () => null,
  marks,
  accumulatesWhole,
  sums: () => [],
});
export const defaultPlan: PlanOptions = planFor(defaultLayout);

const markedPlacement = (state: State, mark: Mark, unitOf: UnitOf): Placement => ({
  dims: state.type.shape.map((_, dim) => {
    const axes = axisOrder.filter((axis) => mark[axis] === dim);
    const unit = axes.length === 0 ? null : unitOf(state, dim, axes);
    return unit === null ? notSplit : { axes, unit };
  }),
  partial: {},
});

export function planStates(
  facts: MeshFacts,
  states: readonly State[],
  loaders: readonly Loader[],
  options: PlanOptions = defaultPlan,
): PlacementPlan {
  const only = (...axes: readonly Axis[]): readonly Axis[] => axes.filter((axis) => facts.axes.includes(axis));
  /** FSDP splits over dpShard, and cp ranks, which hold the same parameters, share the work. */
  const sharding = facts.axes.includes("dpShard") ? only("dpShard", "cp") : [];

  const useOf = (state: State): Placement => {
    const { shape } = state.type;
    const { dims, partial } = options.use(state) ?? wholePlacement(shape.length);
    const live = dims.map(({ axes, unit }) => ({ axes: only(...axes), unit }));
    return plainPlacement(shape, { dims: live, partial }, facts);
  };
  const restOf = (state: State): Placement => {
    const use = useOf(state);
    if (sharding.length === 0 || !options.isSharded(state) || use.dims.length === 0) return use;
    const first = use.dims[0]!;
    const dims = [{ axes: [...first.axes, ...sharding], unit: first.unit }, ...use.dims.slice(1)];
    return plainPlacement(state.type.shape, { dims, partial: {} }, facts);
  };
  const hasShapeOf = (state: State, owner: State): boolean => String(state.type.shape) === String(owner.type.shape);

  const place = (state: State): StatePlacement => {
    const { of: owner } = state;
    if (state.kind === "parameter" || state.kind === "buffer") return { rest: restOf(state), use: useOf(state) };
    if (owner === null || !hasShapeOf(state, owner)) return same(wholePlacement(state.type.shape.length));
    if (state.kind === "optimizer") return same(restOf(owner));
    const at = options.accumulatesWhole ? useOf(owner) : restOf(owner);
    const splitting = at.dims.flatMap(({ axes }) => axes);
    const summed = [...alwaysSummed, ...options.sums(owner)];
    const sums = facts.axes.filter((axis) => summed.includes(axis) && !splitting.includes(axis));
    return same({ dims: at.dims, partial: Object.fromEntries(sums.map((axis) => [axis, "sum"])) });
  };

  const batch = new Map<string, Placement>();
  for (const loader of loaders)
    for (const { name, type } of loader.fields)
      batch.set(name, batchPlacement(type.shape.length, only(...dataAxes), only("cp"), options.sequenceDim(name)));
  const marks = new Map<string, Mark>([
    [batchMark, Object.fromEntries(only(...dataAxes, "microbatch").map((axis) => [axis, 0]))],
    ...options.marks,
  ]);
  return { states: new Map(states.map((state) => [state, place(state)])), batch, marks };
}

const same = (placement: Placement): StatePlacement => ({ rest: placement, use: placement });

/** Samples are split over the data axes, one dim of each sample over the context axis. */
const batchPlacement = (
  numDims: number,
  data: readonly Axis[],
  context: readonly Axis[],
  sequenceDim: number | null,
): Placement => ({
  dims: Array.from({ length: numDims }, (_, dim) => {
    const axes = dim === 0 ? data : dim === sequenceDim ? context : [];
    return axes.length === 0 ? notSplit : { axes, unit: 1 };
  }),
  partial: {},
});
