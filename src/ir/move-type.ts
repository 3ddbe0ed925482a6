// The type rule of each collective: what a placement becomes, or why the move may not be used there.
import type { LocalValue, Move } from "./graph.js";
import { type MeshFacts, plainPlacement } from "./mesh-facts.js";
import { cutOf, type DimSplit, notSplit, type Placement, whereIs, withoutPartial } from "./placement.js";
import { showTurn, type Turn, turnOf } from "./turn.js";

/** The move does not apply to the placement. */
export class IllegalMove extends Error {
  override readonly name = "IllegalMove";
}

/** The placement after a move of a value of this shape. Throws `IllegalMove`. */
export function placementAfter(move: Move, before: Placement, shape: readonly number[], facts: MeshFacts): Placement {
  return plainPlacement(shape, afterMove(move, before), facts);
}

/** The turn after a move. Throws `IllegalMove` where it cannot be made in the middle of rounds. */
export function turnAfter(move: Move, before: LocalValue, after: Placement, facts: MeshFacts): Turn | undefined {
  const { what, axis, dim, by } = move;
  const refuse = (why: string): never => {
    throw new IllegalMove(`${what} over ${axis}: ${why}`);
  };
  const { turn } = before;
  if (turn && (what !== "permute" || turn.axis !== axis))
    refuse(`the value is in the middle of rounds (${showTurn(turn)})`);
  if (what !== "permute" && by === undefined) return undefined;
  const degree = facts.mesh.degrees[axis];
  if (degree === "auto") return refuse("rounds need a known number of ranks");
  if (what === "permute") {
    const now = turn ?? { axis, by: 0, dim: whereIs(axis, after) as number, rounds: [] };
    return turnOf({ ...now, by: now.by + 1 }, after, degree);
  }
  if (what !== "slice") refuse("it takes no other rank's part");
  return turnOf({ axis, by: by!, dim, rounds: [] }, after, degree);
}

/** Of parts that are put side by side along a dim: without its innermost axis. */
export const joinedPlacement = ({ dims, partial }: Placement, dim: number): Placement => ({
  dims: dims.map((split, d) => {
    if (d !== dim) return split;
    return split.axes.length === 1 ? notSplit : { ...split, axes: split.axes.slice(0, -1) };
  }),
  partial,
});

function afterMove(move: Move, before: Placement): Placement {
  const { what, axis, dim, to, reduction } = move;
  const refuse = (why: string): never => {
    throw new IllegalMove(`${what} over ${axis}: ${why}`);
  };
  const reduced = before.partial[axis];
  const checkReduction = (): void => {
    if (reduced === undefined) refuse("the value is not partial there");
    if (reduced !== reduction) refuse(`the value is a partial ${reduced}, not a ${reduction}`);
  };
  const checkDim = (d: number): void => {
    if (before.dims[d] === undefined) refuse(`there is no dim ${d}`);
  };
  const checkInnermost = (): void => {
    checkDim(dim);
    if (before.dims[dim]!.axes.at(-1) !== axis) refuse(`it is not the innermost split of dim ${dim}`);
  };
  const put = (changes: ReadonlyMap<number, DimSplit>): readonly DimSplit[] =>
    before.dims.map((split, d) => changes.get(d) ?? split);
  const longer = (d: number): DimSplit => {
    checkDim(d);
    return { axes: [...before.dims[d]!.axes, axis], ...cutOf(move) };
  };
  const shorter = (d: number): DimSplit => {
    const { axes, ...cut } = before.dims[d]!;
    return axes.length === 1 ? notSplit : { axes: axes.slice(0, -1), ...cut };
  };
  switch (what) {
    case "all-reduce":
      checkReduction();
      return withoutPartial(before, axis);
    case "reduce-scatter":
      checkReduction();
      if (reduced !== "sum") refuse("only sums are scattered");
      return { dims: put(new Map([[dim, longer(dim)]])), partial: withoutPartial(before, axis).partial };
    case "all-gather":
      checkInnermost();
      return { dims: put(new Map([[dim, shorter(dim)]])), partial: before.partial };
    case "all-to-all":
      checkInnermost();
      if (dim === to) refuse("it goes from a dim to the same dim");
      return {
        dims: put(
          new Map([
            [dim, shorter(dim)],
            [to, longer(to)],
          ]),
        ),
        partial: before.partial,
      };
    case "permute":
      if (typeof whereIs(axis, before) !== "number") refuse("no dim is split there: all ranks hold the same");
      return before;
    case "slice":
      // In rounds another dim may be split there too.
      if (move.by === undefined ? whereIs(axis, before) !== null : before.dims[dim]?.axes.includes(axis))
        refuse("the value already differs there");
      if (reduced !== undefined) refuse("the value is a sum in parts there");
      return { dims: put(new Map([[dim, longer(dim)]])), partial: before.partial };
    case "own":
      if (whereIs(axis, before) !== null) refuse("the value already differs there");
      return { dims: before.dims, partial: { ...before.partial, [axis]: "sum" } };
  }
}
