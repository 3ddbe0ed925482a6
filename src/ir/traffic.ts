// What a collective sends: elements that one rank passes on in a ring algorithm.
import type { Move } from "./graph.js";
import { localShape } from "./local-size.js";
import type { Degrees } from "./mesh.js";
import type { Placement } from "./placement.js";
import { numElements } from "./tensor-type.js";

/** Given the placements before and after the move. All-reduce 2(n-1)/n, gather and scatter (n-1) shards, exchange (n-1)/n, permute one shard. */
export function elementsSent(
  move: Move,
  shape: readonly number[],
  before: Placement,
  after: Placement,
  degrees: Degrees,
): number {
  const n = degrees[move.axis];
  const mine = numElements(localShape(shape, before, degrees));
  switch (move.what) {
    case "all-reduce":
      return (2 * (n - 1) * mine) / n;
    case "reduce-scatter":
      return (n - 1) * numElements(localShape(shape, after, degrees));
    case "all-gather":
      return (n - 1) * mine;
    case "all-to-all":
      return ((n - 1) * mine) / n;
    case "permute":
      return mine;
    case "slice":
    case "own":
      return 0;
  }
}

export const isCollective = (move: Move): boolean => move.what !== "slice" && move.what !== "own";
