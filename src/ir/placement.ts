// Placements: per dim the mesh axes that split it, outermost first, and the axes over which the value is an
// unreduced sum or maximum. Only the innermost axis of a dim may be gathered, exchanged or appended.

/** `microbatch` is an axis in time: its parts of a batch go through the same rank one behind the other. */
export type Axis = "pp" | "dpReplicate" | "dpShard" | "microbatch" | "cp" | "tp";
export type Reduction = "sum" | "max";

/** Outermost first: neighbours in `tp` are neighbours in rank. */
export const axisOrder: readonly Axis[] = ["pp", "dpReplicate", "dpShard", "microbatch", "cp", "tp"];
/** The axes that ranks lie on. */
export const rankAxes: readonly Axis[] = axisOrder.filter((axis) => axis !== "microbatch");

/** A degree that is "auto" is taken from the world size when the program starts. */
export type Degree = number | "auto";

export interface Mesh {
  readonly degrees: { readonly [A in Axis]: Degree };
}

/** How axes cut a dim; local-size.ts has the arithmetic. */
export interface Cut {
  /** Elements that must not be cut apart, such as a head's. */
  readonly unit: number;
  /** It is cut where a dim of this size would be. Absent: its own size. A dim that lost its end stays where it lay. */
  readonly extent?: number;
  /** The outermost axis deals each rank one piece from the head and one from the tail. Absent: neighbouring pieces. */
  readonly order?: "headTail";
}

/** One dim of a placement: the axes that split it, outermost first, and how. */
export interface DimSplit extends Cut {
  readonly axes: readonly Axis[];
}

export interface Placement {
  readonly dims: readonly DimSplit[];
  readonly partial: { readonly [A in Axis]?: Reduction };
}

/** A dim that no axis splits. */
export const notSplit: DimSplit = { axes: [], unit: 1 };

/** Every rank holds all of it. */
export const wholePlacement = (numDims: number): Placement => ({
  dims: Array.from({ length: numDims }, () => notSplit),
  partial: {},
});

export const sameAxes = (a: readonly Axis[], b: readonly Axis[]): boolean =>
  a.length === b.length && a.every((axis, i) => axis === b[i]);

/** Dims are cut neighbour by neighbour, in elements. */
export const plainCut: Cut = { unit: 1 };

export const sameCut = (a: Cut, b: Cut): boolean => a.unit === b.unit && a.extent === b.extent && a.order === b.order;

/** Without what is absent: whatever else `cut` has is left out. */
export const cutOf = ({ unit, extent, order }: Cut): Cut => ({
  unit,
  ...(extent === undefined ? {} : { extent }),
  ...(order === undefined ? {} : { order }),
});

/** How a dim that is not split would be cut does not count. */
export const sameSplit = (a: DimSplit, b: DimSplit): boolean =>
  sameAxes(a.axes, b.axes) && (a.axes.length === 0 || sameCut(a, b));

export const samePartial = (a: Placement["partial"], b: Placement["partial"]): boolean =>
  axisOrder.every((axis) => a[axis] === b[axis]);

export const samePlacement = (a: Placement, b: Placement): boolean =>
  a.dims.length === b.dims.length &&
  a.dims.every((dim, d) => sameSplit(dim, b.dims[d]!)) &&
  samePartial(a.partial, b.partial);

/** The axes over which a value is unreduced, in the mesh's order. */
export const partialAxes = (placement: Placement): readonly Axis[] =>
  axisOrder.filter((axis) => placement.partial[axis] !== undefined);

export const withoutPartial = (placement: Placement, ...axes: readonly Axis[]): Placement => ({
  dims: placement.dims,
  partial: Object.fromEntries(Object.entries(placement.partial).filter(([axis]) => !axes.includes(axis as Axis))),
});

/** The same dims, reduced over every axis. */
export const reducedPlacement = ({ dims }: Placement): Placement => ({ dims, partial: {} });

/** Where an axis is in a placement: the dim it splits, "partial", or nowhere (all its ranks hold the same). */
export function whereIs(axis: Axis, placement: Placement): number | "partial" | null {
  const dim = placement.dims.findIndex(({ axes }) => axes.includes(axis));
  if (dim >= 0) return dim;
  return placement.partial[axis] === undefined ? null : "partial";
}
