// How the ranks of an axis share a dim, in scalars: neighbouring parts, or a piece from the head and one from the tail each.
import type { LocalValue } from "../../ir/graph.js";
import { apply, attribute, type Scalar } from "../../ir/kernel.js";
import type { Axis } from "../../ir/placement.js";
import type { Amount, RankNumber } from "../../ir/scheduled.js";
import type { Lowering } from "./lowering.js";

/** How the ranks of a move's axis share a dim: neighbouring parts, or one piece from the head and one from the tail each. */
export interface Dealing {
  readonly isHeadTail: boolean;
  /** Numbers that the scalars below read. */
  readonly numbers: readonly (readonly [string, RankNumber])[];
}

export function dealingOf(value: LocalValue, dim: number, count: Amount, axis: Axis, lowering: Lowering): Dealing {
  const split = value.placement.dims[dim]!;
  const isHeadTail = split.order === "headTail" && split.axes.length === 1;
  const amount = (of: Amount): RankNumber => ({ kind: "amount", amount: of });
  if (!isHeadTail) return { isHeadTail, numbers: [["count", amount(count)]] };
  const half = count.map((size) => size / 2);
  const last = lowering.variants.map((degrees) => 2 * degrees[axis] - 1);
  return {
    isHeadTail,
    numbers: [
      ["half", amount(half)],
      ["lastPiece", amount(last)],
    ],
  };
}

/** Where place `i` of the part of rank `rank` is in what the ranks share. */
export function sharedPlace({ isHeadTail }: Dealing, rank: Scalar, i: Scalar): Scalar {
  if (!isHeadTail) return apply("add", apply("mul", rank, attribute("count")), i);
  const half = attribute("half");
  const pieceAt = (piece: Scalar, rest: Scalar): Scalar => apply("add", apply("mul", piece, half), rest);
  return apply(
    "select",
    apply("less", i, half),
    pieceAt(rank, i),
    pieceAt(apply("sub", attribute("lastPiece"), rank), apply("sub", i, half)),
  );
}

/** The rank whose part has place `place` of what the ranks share, and where in the part it is. */
export function ownPlace({ isHeadTail }: Dealing, place: Scalar): { readonly rank: Scalar; readonly rest: Scalar } {
  const size = attribute(isHeadTail ? "half" : "count");
  const piece = apply("floor", apply("div", place, size));
  const rest = apply("sub", place, apply("mul", piece, size));
  if (!isHeadTail) return { rank: piece, rest };
  const mirrored = apply("sub", attribute("lastPiece"), piece);
  const isTail = apply("less", mirrored, piece);
  return {
    rank: apply("select", isTail, mirrored, piece),
    rest: apply("select", isTail, apply("add", rest, size), rest),
  };
}
