// Rounds around an axis. Pieces travel from rank to rank, so for a while a rank holds another's part of a letter; and
// results of single rounds are parts of a sum (or of what a record merges) until all rounds are in them. Both are told
// by a value's turn, so that a piece that went too far, or a round that is missing, does not type-check.
import type { Coordinates, Degrees } from "./mesh.js";
import type { Axis, Placement } from "./placement.js";

/** A part is that of the rank `by` places before this one on the axis, around the ring. */
export interface Around {
  readonly axis: Axis;
  readonly by: number;
}

export interface Turn extends Around {
  /** The dim of which it is that rank's part; the others are this rank's own, also where the axis splits one of them. -1: none. */
  readonly dim: number;
  /** By what the pieces were turned whose results are in it, in order; empty for what is only passed on. */
  readonly rounds: readonly number[];
}

/**
 * Undefined for what is this rank's own and whole, unless the axis splits two of its dims: that is only so in rounds.
 * `degree`: ranks on the axis.
 */
export function turnOf({ axis, by, dim, rounds }: Turn, { dims }: Placement, degree: number): Turn | undefined {
  const turned = ((by % degree) + degree) % degree;
  const inIt = [...new Set(rounds)].sort((a, b) => a - b);
  const isDone = inIt.length === 0 || inIt.length === degree;
  const isTwice = dims.filter(({ axes }) => axes.includes(axis)).length > 1;
  return turned === 0 && isDone && !isTwice ? undefined : { axis, by: turned, dim, rounds: inIt };
}

export const sameTurn = (a: Turn | undefined, b: Turn | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : a.axis === b.axis && a.by === b.by && a.dim === b.dim && String(a.rounds) === String(b.rounds);

/** Where the rank stands whose part it is. */
export const turnedCoordinates = (at: Coordinates, around: Around | undefined, degrees: Degrees): Coordinates =>
  around === undefined
    ? at
    : { ...at, [around.axis]: (at[around.axis] - around.by + degrees[around.axis]) % degrees[around.axis] };

/** Where the rank stands whose part of a dim it is. */
export const coordinatesAlong = (dim: number, at: Coordinates, turn: Turn | undefined, degrees: Degrees): Coordinates =>
  turnedCoordinates(at, turn?.dim === dim ? turn : undefined, degrees);

/** `cp 2 of dim 1`, and `cp 2 of dim 1: 0+1+2` where rounds are in it. */
export const showTurn = ({ axis, by, dim, rounds }: Turn): string =>
  `${axis} ${by}${dim < 0 ? "" : ` of dim ${dim}`}${rounds.length === 0 ? "" : `: ${rounds.join("+")}`}`;
