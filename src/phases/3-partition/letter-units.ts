// Between dims and letters. A dim (he) split in units of 64 is letter h split in units of 1 where e is 64; a dim split
// so that it cuts inside e is no split of h at all.
import { type MeshFacts, plainSplit, sameLayout } from "../../ir/mesh-facts.js";
import { type Axis, type DimSplit, type Placement, whereIs } from "../../ir/placement.js";
import type { StepLetters, TermDim } from "../../ir/step-letters.js";

/** On one axis a value is split along a letter, a sum (or maximum) in parts, or the same on all ranks (null). */
export type AxisState = { readonly letter: string; readonly fits: boolean } | "partial" | null;

const dimSize = (dim: TermDim, letters: StepLetters): number => letters.sizes.get(dim.letter)! * dim.inside;

/** The unit in places of the letter that gives this split of the dim, or null where the dim is cut between them. */
export function letterUnit(dim: TermDim, split: DimSplit, letters: StepLetters, facts: MeshFacts): number | null {
  if (split.unit % dim.inside === 0) return split.unit / dim.inside;
  const inLetters: DimSplit = { axes: split.axes, unit: dim.inside };
  return sameLayout(dimSize(dim, letters), split, inLetters, facts) ? 1 : null;
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
  return { letter: dim.letter, fits: letterUnit(dim, placement.dims[at]!, letters, facts) !== null };
}

/**
 * The axes of a letter in order and its unit: as the first of the candidates that is split by just these axes has them,
 * so that nothing need move; else in the mesh's order, in units of one.
 */
export function letterSplitLike(
  letter: string,
  axes: readonly Axis[],
  candidates: readonly { readonly term: readonly TermDim[]; readonly placement: Placement }[],
  letters: StepLetters,
  facts: MeshFacts,
): DimSplit {
  for (const { term, placement } of candidates) {
    const at = term.findIndex((dim) => dim.letter === letter);
    const split = at < 0 ? undefined : placement.dims[at];
    if (!split || split.axes.length !== axes.length || !axes.every((axis) => split.axes.includes(axis))) continue;
    const unit = letterUnit(term[at]!, split, letters, facts);
    if (unit !== null) return plainSplit(letters.sizes.get(letter)!, { axes: split.axes, unit }, facts);
  }
  return { axes, unit: 1 };
}
