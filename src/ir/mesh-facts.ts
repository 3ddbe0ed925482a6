// What is known of a mesh at build time. A degree may be open ("auto"), and nothing that is decided depends on it: its
// axis counts as having several ranks, and a size counts as divided only where every degree that can come divides it.
import { isUneven, sizesByAxis } from "./local-size.js";
import { type Degrees, degreesOf, fixedRanks, liveAxes } from "./mesh.js";
import { type Axis, cutOf, type DimSplit, type Mesh, notSplit, type Placement, sameSplit } from "./placement.js";

/** The axes that divide the batch among copies of the model. */
export const dataAxes: readonly Axis[] = ["dpReplicate", "dpShard"];

export interface MeshFacts {
  readonly mesh: Mesh;
  /** The axes that can have more than one rank, outermost first. */
  readonly axes: readonly Axis[];
  /** Divided by the product of the data-parallel degrees whatever they turn out to be: the common divisor of all batch sizes. */
  readonly dataMultiple: number;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** `batchSizes` are those of the program's loaders: data-parallel degrees must divide them all. */
export const meshFacts = (mesh: Mesh, batchSizes: readonly number[]): MeshFacts => ({
  mesh,
  axes: liveAxes(mesh),
  dataMultiple: batchSizes.reduce(commonDivisor, 0) / fixedRanks(mesh, ["microbatch"]),
});

/**
 * What a choice by cost takes for the number of ranks on an axis. Two on every data-parallel axis, so that programs for
 * different data-parallel degrees are the same program.
 */
export const assumedDegree = (axis: Axis, { mesh }: MeshFacts): number => {
  const degree = mesh.degrees[axis];
  return degree === "auto" || dataAxes.includes(axis) ? 2 : degree;
};

/** Whether no rank can ever hold padding along a dim of this size. */
export function surelyDivides(size: number, split: DimSplit, { mesh, dataMultiple }: MeshFacts): boolean {
  const { axes, unit, extent, order } = split;
  if (axes.length === 0) return true;
  if (!isOpen(split, mesh)) return !isUneven(size, split, degreesOf(mesh));
  if (extent !== undefined || order !== undefined) return false;
  const others = axes.filter((axis) => !dataAxes.includes(axis));
  return dataMultiple > 0 && size % (unit * dataMultiple * fixedRanks(mesh, others)) === 0;
}

const isOpen = ({ axes }: DimSplit, { degrees }: Mesh): boolean => axes.some((axis) => degrees[axis] === "auto");

/** Whether two ways to split a dim put the same elements on the same ranks. */
export const sameLayout = (size: number, a: DimSplit, b: DimSplit, facts: MeshFacts): boolean =>
  sameSplit(plainSplit(size, a, facts), plainSplit(size, b, facts));

/** A unit or an extent is named only where it matters: where it moves no cut, it is left out. */
export function plainSplit(size: number, split: DimSplit, facts: MeshFacts): DimSplit {
  if (split.axes.length === 0) return notSplit;
  const { extent, ...own } = split;
  const keepsCuts = (): boolean => !isOpen(split, facts.mesh) && sameSizes(size, split, own, degreesOf(facts.mesh));
  if (extent !== undefined && extent !== size && !keepsCuts()) return { axes: split.axes, ...cutOf(split) };
  const unit = split.unit !== 1 && surelyDivides(size, own, facts) ? 1 : split.unit;
  return { axes: split.axes, ...cutOf({ ...own, unit }) };
}

const sameSizes = (size: number, a: DimSplit, b: DimSplit, degrees: Degrees): boolean => {
  const other = sizesByAxis(size, b, degrees);
  return sizesByAxis(size, a, degrees).every((each, i) => each === other[i]);
};

export const plainPlacement = (
  shape: readonly number[],
  { dims, partial }: Placement,
  facts: MeshFacts,
): Placement => ({
  dims: dims.map((split, dim) => plainSplit(shape[dim]!, split, facts)),
  partial,
});

/** Every way in which an open degree can be filled: each divisor of what the batch sizes leave for it. One where none is open. */
export function possibleDegrees({ mesh, axes, dataMultiple }: MeshFacts): readonly Degrees[] {
  const open = axes.find((axis) => mesh.degrees[axis] === "auto");
  if (open === undefined) return [degreesOf(mesh)];
  const most = dataMultiple / fixedRanks(mesh, dataAxes);
  const divisors = Array.from({ length: Math.floor(most) }, (_, i) => i + 1).filter((n) => most % n === 0);
  return divisors.map((auto) => degreesOf(mesh, auto));
}
