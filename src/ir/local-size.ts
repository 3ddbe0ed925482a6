// What one rank holds of a dim. Every axis of the list cuts in turn and rounds up, in whole units, so all ranks hold the
// same size and padding is at the end: ceil(ceil(units / a) / b) * unit. In head and tail order the outermost axis of n
// ranks cuts 2n pieces, and rank r has piece r and, behind it, piece 2n - 1 - r; with causal attention all have the same
// work. What is missing at the end of the dim is missing at the end of each rank's part there too.
import type { Coordinates, Degrees } from "./mesh.js";
import type { Axis, DimSplit, Placement } from "./placement.js";

/** The size after each axis in turn has cut it: the whole size, then one per axis. */
export function sizesByAxis(
  size: number,
  { axes, unit, extent = size, order }: DimSplit,
  degrees: Degrees,
): readonly number[] {
  const sizes = [size];
  let units = Math.ceil(extent / unit);
  axes.forEach((axis, i) => {
    const isDealt = i === 0 && order === "headTail" && degrees[axis] > 1;
    units = isDealt ? 2 * Math.ceil(units / (2 * degrees[axis])) : Math.ceil(units / degrees[axis]);
    sizes.push(units * unit);
  });
  return sizes;
}

export const localSize = (size: number, split: DimSplit, degrees: Degrees): number =>
  sizesByAxis(size, split, degrees).at(-1)!;

export const localShape = (shape: readonly number[], placement: Placement, degrees: Degrees): readonly number[] =>
  shape.map((size, dim) => localSize(size, placement.dims[dim]!, degrees));

/**
 * `count` places, of which the first `valid` exist. Place i is place `start + i` of the whole dim, and from `cut` on
 * `start + i + jump`.
 */
export interface Span {
  readonly start: number;
  readonly count: number;
  readonly valid: number;
  readonly cut: number;
  readonly jump: number;
}

/** A span of neighbouring places, all of which exist. */
export const plainSpan = (start: number, count: number): Span => ({ start, count, valid: count, cut: count, jump: 0 });

/** Where place `i` of a span is in the whole dim. */
export const placeIn = ({ start, cut, jump }: Span, i: number): number => start + i + (i >= cut ? jump : 0);

const between = (low: number, value: number, high: number): number => Math.max(low, Math.min(value, high));

export function spanOf(size: number, split: DimSplit, degrees: Degrees, at: Coordinates): Span {
  const sizes = sizesByAxis(size, split, degrees);
  let start = 0;
  let valid = size;
  let cut = sizes.at(-1)!;
  let jump = 0;
  split.axes.forEach((axis, i) => {
    const count = sizes[i + 1]!;
    const n = degrees[axis];
    if (i === 0 && split.order === "headTail" && n > 1) {
      const half = count / 2;
      const tail = (2 * n - 1 - at[axis]) * half;
      start = at[axis] * half;
      cut = half;
      jump = tail - start - half;
      valid = between(0, size - start, half) + between(0, size - tail, half);
      return;
    }
    const before = at[axis] * count;
    start += before;
    if (jump !== 0) cut -= before;
    valid = between(0, valid - before, count);
  });
  const count = sizes.at(-1)!;
  return { start, count, valid, cut: jump === 0 ? count : between(0, cut, count), jump };
}

/**
 * What the innermost axis of a split does: for each place that its rank at `coordinate` holds, the place in what the
 * outer axes left (which may be past its end).
 */
export function dealtPlaces(
  size: number,
  split: DimSplit,
  axis: Axis,
  coordinate: number,
  degrees: Degrees,
): readonly number[] {
  const inner = split.axes.at(-1)!;
  if (inner !== axis) throw new Error(`${axis} is not the innermost axis of a split by ${split.axes.join(", ")}`);
  const count = localSize(size, split, degrees);
  const n = degrees[axis];
  const isDealt = split.axes.length === 1 && split.order === "headTail" && n > 1;
  const half = count / 2;
  return Array.from({ length: count }, (_, i) => {
    if (!isDealt) return coordinate * count + i;
    return i < half ? coordinate * half + i : (2 * n - 1 - coordinate) * half + i - half;
  });
}

/** Whether some rank holds padding along a dim. */
export const isUneven = (size: number, split: DimSplit, degrees: Degrees): boolean =>
  localSize(size, split, degrees) * split.axes.reduce((n, axis) => n * degrees[axis], 1) !== size;
