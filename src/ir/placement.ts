// Placements: per dim the mesh axes that split it, outermost first, and the axes over which the value is an
// unreduced sum or maximum. Only the innermost axis of a dim may be gathered, exchanged or appended.

export type Axis = "pp" | "dpReplicate" | "dpShard" | "cp" | "tp";
export type Reduction = "sum" | "max";

/** Outermost first: neighbours in `tp` are neighbours in rank. */
export const axisOrder: readonly Axis[] = ["pp", "dpReplicate", "dpShard", "cp", "tp"];

/** A degree that is "auto" is taken from the world size when the program starts. */
export type Degree = number | "auto";

export interface Mesh {
  readonly degrees: { readonly [A in Axis]: Degree };
}

/** One dim of a placement: the axes that split it, and the unit (in elements) that must not be cut, such as a head. */
export interface DimSplit {
  readonly axes: readonly Axis[];
  readonly unit: number;
}

export interface Placement {
  readonly dims: readonly DimSplit[];
  readonly partial: { readonly [A in Axis]?: Reduction };
}
