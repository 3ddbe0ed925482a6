// Cutting and joining arrays along a dim, with a stated value past the end.
import { type NdArray, zeros } from "./nd.js";

/** `count` places from `start` along `dim`; places past the end hold `padding`. */
export function piece(x: NdArray, dim: number, start: number, count: number, padding: number): NdArray {
  const size = x.shape[dim]!;
  if (start === 0 && count === size) return x;
  const shape = x.shape.map((n, d) => (d === dim ? count : n));
  const inner = x.shape.slice(dim + 1).reduce((n, s) => n * s, 1);
  const outer = x.shape.slice(0, dim).reduce((n, s) => n * s, 1);
  const y = zeros(shape);
  y.data.fill(padding);
  const taken = Math.max(0, Math.min(count, size - start));
  for (let o = 0; o < outer; o++) {
    const from = (o * size + start) * inner;
    y.data.set(x.data.subarray(from, from + taken * inner), o * count * inner);
  }
  return y;
}

/** Side by side along `dim`. */
export function join(xs: readonly NdArray[], dim: number): NdArray {
  const [first] = xs;
  if (!first) throw new Error("nothing to join");
  const total = xs.reduce((n, x) => n + x.shape[dim]!, 0);
  const inner = first.shape.slice(dim + 1).reduce((n, s) => n * s, 1);
  const outer = first.shape.slice(0, dim).reduce((n, s) => n * s, 1);
  const y = zeros(first.shape.map((n, d) => (d === dim ? total : n)));
  let at = 0;
  for (const x of xs) {
    const width = x.shape[dim]! * inner;
    for (let o = 0; o < outer; o++) y.data.set(x.data.subarray(o * width, (o + 1) * width), o * total * inner + at);
    at += width;
  }
  return y;
}

/** Element by element, from left to right. */
export const combine = (xs: readonly NdArray[], by: (a: number, b: number) => number): NdArray =>
  xs.reduce((a, b) => ({ shape: a.shape, data: a.data.map((value, i) => by(value, b.data[i]!)) }));

/** Along `dim`, at place i what was at place `from(i)`; null: `padding`. */
export function pick(x: NdArray, dim: number, from: readonly (number | null)[], padding: number): NdArray {
  const size = x.shape[dim]!;
  const inner = x.shape.slice(dim + 1).reduce((n, s) => n * s, 1);
  const outer = x.shape.slice(0, dim).reduce((n, s) => n * s, 1);
  const y = zeros(x.shape.map((n, d) => (d === dim ? from.length : n)));
  y.data.fill(padding);
  for (let o = 0; o < outer; o++)
    from.forEach((place, i) => {
      if (place === null) return;
      const at = (o * size + place) * inner;
      y.data.set(x.data.subarray(at, at + inner), (o * from.length + i) * inner);
    });
  return y;
}

/** The same with what is past `valid` along `dim` replaced. */
export const fillFrom = (x: NdArray, dim: number, valid: number, element: number): NdArray =>
  piece(piece(x, dim, 0, valid, element), dim, 0, x.shape[dim]!, element);
