// The type rule of each collective: what a placement becomes, or why the move may not be used there.
import type { Move } from "./graph.js";
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
export function turnAfter({ what, axis, by }: Move, before: Turn | undefined, facts: MeshFacts): Turn | undefined {
  const degree = facts.mesh.degrees[axis];
  if (what !== "permute" && by === undefined) {
    if (before)
      throw new IllegalMove(`${what} over ${axis}: the value is in the middle of rounds (${showTurn(before)})`);
    return undefined;
  }
  if (degree === "auto") throw new IllegalMove(`${what} over ${axis}: rounds need a known number of ranks`);
  if (before && (before.axis !== axis || what === "slice"))
    throw new IllegalMove(`${what} over ${axis}: the value is in the middle of rounds (${showTurn(before)})`);
  if (what === "permute") return turnOf(axis, (before?.by ?? 0) + 1, before?.rounds ?? [], degree);
  if (what !== "slice") throw new IllegalMove(`${what} over ${axis} takes no other rank's part`);
  return turnOf(axis, by!, [], degree);
}

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
      if (whereIs(axis, before) !== null) refuse("the value already differs there");
      return { dims: put(new Map([[dim, longer(dim)]])), partial: before.partial };
    case "own":
      if (whereIs(axis, before) !== null) refuse("the value already differs there");
      return { dims: before.dims, partial: { ...before.partial, [axis]: "sum" } };
  }
}
