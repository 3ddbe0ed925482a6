// Between a whole value and what each rank holds of it.
import { localShape, placeIn, spanOf } from "./local-size.js";
import { type Coordinates, coordinatesOf, type Degrees, numRanks } from "./mesh.js";
import { type NdArray, zeros } from "./nd.js";
import { pick } from "./nd-pieces.js";
import { type Placement, partialAxes } from "./placement.js";

/** What padding holds until it is filled: finite, not zero, and a valid index. */
export const garbage = 3;

/** One rank's part, with `padding` behind it. Of a sum in parts the first rank of each partial axis holds all and the others nothing. */
export function shardOf(
  whole: NdArray,
  placement: Placement,
  degrees: Degrees,
  rank: number,
  padding: number = garbage,
): NdArray {
  const at = coordinatesOf(rank, degrees);
  const part = placement.dims.reduce((x, split, dim) => {
    if (split.axes.length === 0) return x;
    const span = spanOf(whole.shape[dim]!, split, degrees, at);
    const from = Array.from({ length: span.count }, (_, i) => (i < span.valid ? placeIn(span, i) : null));
    return pick(x, dim, from, padding);
  }, whole);
  const [absent] = partialAxes(placement).filter((axis) => at[axis] !== 0);
  if (absent === undefined) return part;
  const nothing = zeros(part.shape);
  if (placement.partial[absent] === "max") nothing.data.fill(Number.NEGATIVE_INFINITY);
  return nothing;
}

/** The whole value that the ranks hold together. Throws an `Error` where ranks that hold the same differ. */
export function wholeOf(
  parts: readonly NdArray[],
  shape: readonly number[],
  placement: Placement,
  degrees: Degrees,
): NdArray {
  const axes = partialAxes(placement);
  const whole = zeros(shape);
  const seen = new Map<string, Uint8Array>();
  const terms = new Map<string, Float64Array>();
  for (let rank = 0; rank < numRanks(degrees); rank++) {
    const at = coordinatesOf(rank, degrees);
    const key = axes.map((axis) => at[axis]).join();
    const been = seen.get(key) ?? new Uint8Array(whole.data.length);
    const term = terms.get(key) ?? new Float64Array(whole.data.length);
    seen.set(key, been);
    terms.set(key, term);
    visit(shape, placement, degrees, at, (from, to) => {
      const value = parts[rank]!.data[from]!;
      if (been[to] && !isClose(value, term[to]!))
        throw new Error(`rank ${rank} differs on a replicated value: ${value}, not ${term[to]}`);
      been[to] = 1;
      term[to] = value;
    });
  }
  const isMax = axes.some((axis) => placement.partial[axis] === "max");
  [...terms.values()].forEach((term, i) => {
    term.forEach((value, at) => {
      whole.data[at] = i === 0 ? value : isMax ? Math.max(whole.data[at]!, value) : whole.data[at]! + value;
    });
  });
  return whole;
}

const isClose = (a: number, b: number): boolean =>
  Object.is(a, b) ||
  a === b ||
  Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)) ||
  (Number.isNaN(a) && Number.isNaN(b));

/** Calls `see` with the offset of every element that exists, here and in the whole. */
function visit(
  shape: readonly number[],
  placement: Placement,
  degrees: Degrees,
  at: Coordinates,
  see: (from: number, to: number) => void,
): void {
  const spans = shape.map((size, dim) => spanOf(size, placement.dims[dim]!, degrees, at));
  const local = localShape(shape, placement, degrees);
  const walk = (dim: number, from: number, to: number): void => {
    if (dim === shape.length) {
      see(from, to);
      return;
    }
    const span = spans[dim]!;
    for (let i = 0; i < span.valid; i++) walk(dim + 1, from * local[dim]! + i, to * shape[dim]! + placeIn(span, i));
  };
  walk(0, 0, 0);
}
