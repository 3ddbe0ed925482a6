// Arrays for tests: random ones from a seed, and how far two are apart.
import type { NdArray } from "../src/ir/nd.js";
import { numElements } from "../src/ir/tensor-type.js";

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Elements in [from, to). */
export function randomArray(shape: readonly number[], seed: number, from = -1, to = 1): NdArray {
  const next = randomNumbers(seed);
  const data = new Float64Array(numElements(shape));
  for (let i = 0; i < data.length; i++) data[i] = from + (to - from) * next();
  return { shape, data };
}

/** Integers in [0, below). */
export function randomIntegers(shape: readonly number[], seed: number, below: number): NdArray {
  const { data } = randomArray(shape, seed, 0, below);
  return { shape, data: data.map(Math.floor) };
}

/** The largest difference of two elements, relative where they are above 1; NaN unless both are numbers or the same. */
export function distance(a: NdArray, b: NdArray): number {
  if (String(a.shape) !== String(b.shape)) return Number.NaN;
  let most = 0;
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i]!, b.data[i]!];
    if (x === y) continue;
    const apart = Math.abs(x - y) / Math.max(1, Math.abs(x), Math.abs(y));
    if (!(apart <= most)) most = apart;
    if (Number.isNaN(most)) return most;
  }
  return most;
}
