// A list of steps of a local graph on its way: what is there already, and how a value gets from where it is to where it
// is asked for. A value that is asked for twice at one place is made once. In a repeat body, what is the same in every
// round is brought outside, before the repeat.
import { placeOf, type StepPlace } from "../../ir/build.js";
import type { LocalValue, Move, OpStep, PlacedValue, Step } from "../../ir/graph.js";
import { requiredPlacement, resultPlacements } from "../../ir/local-typing.js";
import type { MeshFacts } from "../../ir/mesh-facts.js";
import { placementAfter } from "../../ir/move-type.js";
import { type Placement, partialAxes, samePlacement, withoutPartial } from "../../ir/placement.js";
import { showPlacement } from "../../ir/placement-text.js";
import type { DType } from "../../ir/tensor-type.js";
import { castStep } from "./cast-step.js";
import { refit } from "./refit.js";
import { reshard } from "./reshard.js";

export interface Moving {
  readonly facts: MeshFacts;
  readonly newId: () => number;
  /** By id of a parameter, whatever a body calls it: the element type in which its gradients are summed over ranks. */
  readonly reduceDtypes: Map<number, DType>;
  /** Ids of states that stay gathered from forward to backward. */
  readonly kept: Set<number>;
}

/** How the values of a repeat body that are the same in every round reach it. */
export interface Surrounding {
  readonly block: MovingBlock;
  /** By id of the inner value: the outer one. */
  readonly outers: ReadonlyMap<number, PlacedValue>;
  readonly entries: { readonly outer: LocalValue; readonly inner: LocalValue }[];
}

export interface MovingBlock {
  readonly steps: Step<"local">[];
  /** Steps that follow the step which makes a value, by its id: reductions start as early as they can. */
  readonly following: Map<number, Step<"local">[]>;
  /** Values as they were made, by id. */
  readonly homes: Map<number, LocalValue>;
  /** Where a value was made in this block. */
  readonly makers: Map<number, { readonly step: OpStep<"placed"> | null; readonly place: StepPlace }>;
  /** By id of a value, its copies at other placements, and filled ones, by what they are. */
  readonly copies: Map<number, Map<string, LocalValue>>;
  /** Dims of a value that were made of nothing: it can be made again with these split (see refit.ts). */
  readonly floating: Map<number, ReadonlySet<number>>;
  /** States are gathered anew in each phase. */
  readonly states: Set<number>;
  /** By local id of a value that comes from outside: what it is there. */
  readonly outside: Map<number, LocalValue>;
  readonly surrounding: Surrounding | null;
}

export const newBlock = (surrounding: Surrounding | null): MovingBlock => ({
  steps: [],
  following: new Map(),
  homes: new Map(),
  makers: new Map(),
  copies: new Map(),
  floating: new Map(),
  states: new Set(),
  outside: new Map(),
  surrounding,
});

export const localValue = (value: PlacedValue): LocalValue => ({ ...value, filled: value.type.shape.map(() => null) });

/** The value at a placement, for a reader. */
export function bring(
  block: MovingBlock,
  value: PlacedValue,
  to: Placement,
  reader: StepPlace,
  moving: Moving,
): LocalValue {
  // Between microbatches in forward and in backward a stage of a pipeline keeps what it has gathered.
  const isGathered =
    !moving.facts.axes.includes("microbatch") &&
    block.states.has(value.id) &&
    !moving.kept.has(value.id) &&
    !samePlacement(value.placement, to);
  const copies = copiesOf(block, value.id);
  const key = `${showPlacement(to)} ${isGathered ? reader.phase : ""}`;
  const there = copies.get(key);
  if (there) return there;
  const brought = make(block, value, to, reader, moving);
  copies.set(key, brought);
  return brought;
}

export function copiesOf(block: MovingBlock, id: number): Map<string, LocalValue> {
  const copies = block.copies.get(id) ?? new Map<string, LocalValue>();
  block.copies.set(id, copies);
  return copies;
}

function make(block: MovingBlock, value: PlacedValue, to: Placement, reader: StepPlace, moving: Moving): LocalValue {
  const outer = block.surrounding?.outers.get(value.id);
  if (outer) return bringInside(block, block.surrounding!, value, outer, to, reader, moving);
  const home = block.homes.get(value.id);
  if (!home) throw new Error(`value ${value.id} (${value.name}) is read before it is made`);
  if (samePlacement(home.placement, to)) return home;
  const added = partialAxes(to).filter((axis) => home.placement.partial[axis] === undefined);
  if (added.length > 0) {
    const there = bring(block, value, withoutPartial(to, ...added), reader, moving);
    return applyMoves(
      block,
      there,
      reshard(there.placement, to, value.type.shape, moving.facts),
      reader,
      false,
      moving,
    );
  }
  const maker = block.makers.get(value.id);
  const again = maker?.step ? refit(maker.step, value, to, block.floating.get(value.id)!, moving.facts) : null;
  if (again && maker?.step) return makeAgain(block, maker.step, value, again, moving);
  const moves = reshard(home.placement, to, value.type.shape, moving.facts);
  const reduces = moves.some(({ what }) => what === "all-reduce" || what === "reduce-scatter");
  const dtype = reduces && value.gradientOf !== null ? moving.reduceDtypes.get(value.gradientOf) : undefined;
  return applyMoves(
    block,
    home,
    moves,
    reduces && maker ? { ...maker.place } : reader,
    reduces && maker !== undefined,
    moving,
    dtype,
  );
}

/** Right after the value is made, where it is a reduction; else right before its reader. */
function applyMoves(
  block: MovingBlock,
  home: LocalValue,
  moves: readonly Move[],
  place: StepPlace,
  isEarly: boolean,
  moving: Moving,
  dtype: DType = home.type.dtype,
): LocalValue {
  let now = home;
  const steps: Step<"local">[] = [];
  const as = (wanted: DType): void => {
    if (now.type.dtype === wanted) return;
    const step = castStep(now, wanted, moving.newId(), place);
    steps.push(step);
    now = step.outputs[0]!;
  };
  as(dtype);
  for (const move of moves) {
    const placement = placementAfter(move, now.placement, now.type.shape, moving.facts);
    const next = localValue({ ...now, id: moving.newId(), placement });
    steps.push({ kind: "move", move, inputs: [now], outputs: [next], ...placeOf(place) });
    now = next;
  }
  as(home.type.dtype);
  if (isEarly) block.following.set(home.id, [...(block.following.get(home.id) ?? []), ...steps]);
  else block.steps.push(...steps);
  return now;
}

function bringInside(
  block: MovingBlock,
  surrounding: Surrounding,
  value: PlacedValue,
  outer: PlacedValue,
  to: Placement,
  reader: StepPlace,
  moving: Moving,
): LocalValue {
  const brought = bring(surrounding.block, outer, to, reader, moving);
  return enter(block, surrounding, brought, { ...value, placement: to }, samePlacement(value.placement, to), moving);
}

/** A value of the surrounding graph as the body sees it: one entry in the list of shared values. */
function enter(
  block: MovingBlock,
  surrounding: Surrounding,
  outer: LocalValue,
  value: PlacedValue,
  keepsId: boolean,
  moving: Moving,
): LocalValue {
  const inner: LocalValue = { ...value, id: keepsId ? value.id : moving.newId(), filled: outer.filled };
  surrounding.entries.push({ outer, inner });
  block.outside.set(inner.id, outer);
  return inner;
}

/** The value with a neutral element in the padding of one dim. */
export function fill(
  block: MovingBlock,
  value: LocalValue,
  dim: number,
  element: number,
  reader: StepPlace,
  moving: Moving,
): LocalValue {
  if (value.filled[dim] === element) return value;
  const copies = copiesOf(block, value.id);
  const key = `fill ${dim} ${element}`;
  const there = copies.get(key);
  if (there) return there;
  const filled = value.filled.map((old, d) => (d === dim ? element : old));
  const outer = block.outside.get(value.id);
  let next: LocalValue;
  if (outer && block.surrounding) {
    const outerFilled = fill(block.surrounding.block, outer, dim, element, reader, moving);
    next = enter(block, block.surrounding, outerFilled, value, false, moving);
  } else {
    next = { ...value, id: moving.newId(), filled };
    block.steps.push({ kind: "fill", dim, fill: element, inputs: [value], outputs: [next], ...placeOf(reader) });
  }
  copies.set(key, next);
  return next;
}

/** Emits an op once more, with other letters split. */
function makeAgain(
  block: MovingBlock,
  step: OpStep<"placed">,
  value: PlacedValue,
  { choice, letters }: NonNullable<ReturnType<typeof refit>>,
  moving: Moving,
): LocalValue {
  const inputs = step.inputs.map((input, i) =>
    bring(block, input, requiredPlacement(i, letters, choice, moving.facts), step, moving),
  );
  const placements = resultPlacements(step.op, letters, choice, moving.facts);
  const outputs = step.outputs.map((output, o) =>
    localValue({ ...output, id: moving.newId(), placement: placements[o]! }),
  );
  block.steps.push({ ...step, choice, inputs, outputs });
  return outputs[step.outputs.findIndex(({ id }) => id === value.id)]!;
}

/** The steps in order, each followed by the reductions of what it makes. */
export function orderedSteps(block: MovingBlock): readonly Step<"local">[] {
  const withFollowing = (step: Step<"local">): readonly Step<"local">[] => [
    step,
    ...madeBy(step).flatMap(({ id }) => (block.following.get(id) ?? []).flatMap(withFollowing)),
  ];
  return block.steps.flatMap(withFollowing);
}

const madeBy = (step: Step<"local">): readonly LocalValue[] =>
  step.kind === "repeat"
    ? [...step.carried.map(({ result }) => result), ...step.collected.flatMap(({ items }) => items)]
    : step.outputs;
