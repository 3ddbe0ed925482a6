// Between dims and letters. A dim (he) split in units of 64 is letter h split in units of 1 where e is 64; a dim split
// so that it cuts inside e is no split of h at all.
import { dimSplit } from "../../ir/local-typing.js";
import { type MeshFacts, plainSplit, sameLayout } from "../../ir/mesh-facts.js";
import { type Axis, type Cut, cutOf, type DimSplit, type Placement, plainCut, whereIs } from "../../ir/placement.js";
import type { StepLetters, TermDim } from "../../ir/step-letters.js";

/** On one axis a value is split along a letter, a sum (or maximum) in parts, or the same on all ranks (null). */
export type AxisState = { readonly letter: string; readonly fits: boolean } | "partial" | null;

/** How the letter is cut, in its places, where its dim is split so; null where the dim is cut between them. */
export function letterCut(dim: TermDim, split: DimSplit, letters: StepLetters, facts: MeshFacts): Cut | null {
  const { unit, extent = dim.size, order } = split;
  const { inside, letter } = dim;
  if (extent % inside !== 0 || (order !== undefined && letters.neighbouring.has(letter))) return null;
  const size = letters.sizes.get(letter)!;
  const cut = cutOf({
    unit: unit % inside === 0 ? unit / inside : 1,
    ...(extent / inside > size ? { extent: extent / inside } : {}),
    ...(order === undefined ? {} : { order }),
  });
  const asCut = dimSplit(dim, size, { axes: split.axes, ...cut }, facts);
  return sameLayout(dim.size, split, asCut, facts) ? cut : null;
}

export function stateOn(
  axis: Axis,
  placement: Placement,
  term: readonly TermDim[],
  letters: StepLetters,
  facts: MeshFacts,
): AxisState {
  const at = whereIs(axis, placement);
  if (at === null || at === "partial") return at;
  const dim = term[at]!;
  return { letter: dim.letter, fits: letterCut(dim, placement.dims[at]!, letters, facts) !== null };
}

/** A placement of dims that have letters. */
export interface Candidate {
  readonly term: readonly TermDim[];
  readonly placement: Placement;
}

/**
 * The axes of a letter in order and how they cut it: as the first of the candidates that is split by just these axes has
 * them, so that nothing need move; else those of the candidate that has most of them outside of others come first, the
 * rest in the mesh's order.
 */
export function letterSplitLike(
  letter: string,
  axes: readonly Axis[],
  candidates: readonly Candidate[],
  letters: StepLetters,
  facts: MeshFacts,
): DimSplit {
  let most: DimSplit = { axes: [], ...plainCut };
  for (const { term, placement } of candidates) {
    const at = term.findIndex((dim) => dim.letter === letter);
    const split = at < 0 ? undefined : placement.dims[at];
    if (!split) continue;
    const end = split.axes.findIndex((axis) => !axes.includes(axis));
    const outer = end < 0 ? split.axes : split.axes.slice(0, end);
    if (outer.length <= most.axes.length) continue;
    const cut = letterCut(term[at]!, { ...split, axes: outer }, letters, facts);
    if (cut !== null) most = { axes: outer, ...cut };
  }
  const others = axes.filter((axis) => !most.axes.includes(axis));
  return plainSplit(letters.sizes.get(letter)!, { ...most, axes: [...most.axes, ...others] }, facts);
}
