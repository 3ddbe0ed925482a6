// Rounds around an axis. Pieces travel from rank to rank, so for a while a rank holds another's part of a letter; and
// results of single rounds are parts of a sum (or of what a record merges) until all rounds are in them. Both are told
// by a value's turn, so that a piece that went too far, or a round that is missing, does not type-check.
import type { Coordinates, Degrees } from "./mesh.js";
import type { Axis } from "./placement.js";

/** A part is that of the rank `by` places before this one on the axis, around the ring. */
export interface Around {
  readonly axis: Axis;
  readonly by: number;
}

export interface Turn extends Around {
  /** By what the pieces were turned whose results are in it, in order; empty for what is only passed on. */
  readonly rounds: readonly number[];
}

/** Undefined for what is this rank's own and whole. `degree`: ranks on the axis. */
export function turnOf(axis: Axis, by: number, rounds: readonly number[], degree: number): Turn | undefined {
  const own = ((by % degree) + degree) % degree;
  const inIt = [...new Set(rounds)].sort((a, b) => a - b);
  const isDone = inIt.length === 0 || inIt.length === degree;
  return own === 0 && isDone ? undefined : { axis, by: own, rounds: inIt };
}

export const sameTurn = (a: Turn | undefined, b: Turn | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : a.axis === b.axis && a.by === b.by && String(a.rounds) === String(b.rounds);

/** Where the rank stands whose part it is. */
export const turnedCoordinates = (at: Coordinates, around: Around | undefined, degrees: Degrees): Coordinates =>
  around === undefined
    ? at
    : { ...at, [around.axis]: (at[around.axis] - around.by + degrees[around.axis]) % degrees[around.axis] };

/** `cp 2`, and `cp 2: 0+1+2` where rounds are in it. */
export const showTurn = ({ axis, by, rounds }: Turn): string =>
  `${axis} ${by}${rounds.length === 0 ? "" : `: ${rounds.join("+")}`}`;
