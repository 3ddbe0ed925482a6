// What one rank holds of a dim. Every axis of the list cuts in turn and rounds up, in whole units, so all ranks hold the
// same size and padding is at the end: ceil(ceil(units / a) / b) * unit.
import type { Coordinates, Degrees } from "./mesh.js";
import type { DimSplit, Placement } from "./placement.js";

/** The size after each axis in turn has cut it: the whole size (rounded up to units where it is split), then one per axis. */
export function sizesByAxis(size: number, { axes, unit }: DimSplit, degrees: Degrees): readonly number[] {
  const sizes = [size];
  let units = Math.ceil(size / unit);
  for (const axis of axes) {
    units = Math.ceil(units / degrees[axis]);
    sizes.push(units * unit);
  }
  return sizes;
}

export const localSize = (size: number, split: DimSplit, degrees: Degrees): number =>
  sizesByAxis(size, split, degrees).at(-1)!;

export const localShape = (shape: readonly number[], placement: Placement, degrees: Degrees): readonly number[] =>
  shape.map((size, dim) => localSize(size, placement.dims[dim]!, degrees));

/** `count` places from place `start` of the whole dim, of which the first `valid` exist. */
export interface Span {
  readonly start: number;
  readonly count: number;
  readonly valid: number;
}

export function spanOf(size: number, split: DimSplit, degrees: Degrees, at: Coordinates): Span {
  const sizes = sizesByAxis(size, split, degrees);
  let start = 0;
  let valid = size;
  split.axes.forEach((axis, i) => {
    const count = sizes[i + 1]!;
    start += at[axis] * count;
    valid = Math.max(0, Math.min(count, valid - at[axis] * count));
  });
  return { start, count: sizes.at(-1)!, valid };
}

/** Whether some rank holds padding along a dim. */
export const isUneven = (size: number, split: DimSplit, degrees: Degrees): boolean =>
  localSize(size, split, degrees) * split.axes.reduce((n, axis) => n * degrees[axis], 1) !== size;
