// Pieces that will be one kernel: an index space, and where in it each piece's letters are. A piece of a group that
// reduces runs for all letters, or for the outer ones alone.
import type { KernelPiece, Letter, Linear, Tensor } from "./work.js";

export interface Member {
  readonly piece: KernelPiece;
  readonly places: ReadonlyMap<Letter, Linear>;
  readonly over: "outer" | "all";
}
export interface Group {
  readonly outer: readonly Letter[];
  readonly inner: readonly Letter[];
  /** In the order of the program. */
  readonly members: readonly Member[];
}

/** A tensor's only maker among pieces, and which of its results it is. */
export interface Maker {
  readonly piece: KernelPiece;
  readonly output: number;
}
export type Makers = ReadonlyMap<Tensor, Maker>;

export function aloneIn(piece: KernelPiece, numVariants: number): Group {
  const one = new Array<number>(numVariants).fill(1);
  const zero = new Array<number>(numVariants).fill(0);
  const places = new Map<Letter, Linear>();
  for (const letter of [...piece.outer, ...piece.inner])
    places.set(letter, { offset: zero, terms: new Map([[letter, one]]) });
  return {
    outer: piece.outer,
    inner: piece.inner,
    members: [{ piece, places, over: piece.inner.length > 0 ? "all" : "outer" }],
  };
}

export const isElementwise = (piece: KernelPiece): boolean => piece.inner.length === 0 && piece.passes.length === 1;
