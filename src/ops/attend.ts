// What attention means, in float64, for any rule of which keys a query sees: the references of both records.
import { type NdArray, zeros } from "../ir/nd.js";

/** Whether query t sees key s. */
export type Sees = (t: number, s: number) => boolean;

/** Visits every query row: its number, its place, and the number of its first key row. */
function forEachRow(q: NdArray, k: NdArray, visit: (row: number, t: number, firstKey: number) => void): void {
  const [batch, heads, places] = q.shape as [number, number, number];
  const [, keyHeads, keys] = k.shape as [number, number, number];
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let t = 0; t < places; t++)
        visit((b * heads + h) * places + t, t, (b * keyHeads + Math.floor((h * keyHeads) / heads)) * keys);
}

const dot = (a: NdArray, rowA: number, b: NdArray, rowB: number, size: number): number => {
  let total = 0;
  for (let d = 0; d < size; d++) total += a.data[rowA * size + d]! * b.data[rowB * size + d]!;
  return total;
};

/** out and lse. A row that sees no key is 0, and its lse -inf. */
export function attend(q: NdArray, k: NdArray, v: NdArray, scale: number, sees: Sees): readonly [NdArray, NdArray] {
  const size = q.shape[3]!;
  const out = zeros(q.shape);
  const lse = zeros(q.shape.slice(0, 3));
  const places = Array.from({ length: k.shape[2]! }, (_, s) => s);
  forEachRow(q, k, (row, t, firstKey) => {
    const keys = places.filter((s) => sees(t, s)).map((s) => firstKey + s);
    const scores = keys.map((key) => dot(q, row, k, key, size) * scale);
    const top = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - top));
    const total = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, i) => {
      for (let d = 0; d < size; d++) out.data[row * size + d]! += (weight / total) * v.data[keys[i]! * size + d]!;
    });
    lse.data[row] = keys.length === 0 ? Number.NEGATIVE_INFINITY : top + Math.log(total);
  });
  return [out, lse];
}

/** dq, dk and dv, given the gradient of out, and out and lse of all keys that a row sees, here or elsewhere. */
export function attendBack(
  [g, q, k, v, out, lse]: readonly [NdArray, NdArray, NdArray, NdArray, NdArray, NdArray],
  scale: number,
  sees: Sees,
): readonly [NdArray, NdArray, NdArray] {
  const size = q.shape[3]!;
  const [dq, dk, dv] = [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
  forEachRow(q, k, (row, t, firstKey) => {
    const along = dot(g, row, out, row, size);
    for (let s = 0; s < k.shape[2]!; s++) {
      if (!sees(t, s)) continue;
      const key = firstKey + s;
      const weight = Math.exp(dot(q, row, k, key, size) * scale - lse.data[row]!);
      const slope = weight * (dot(g, row, v, key, size) - along) * scale;
      for (let d = 0; d < size; d++) {
        dv.data[key * size + d]! += weight * g.data[row * size + d]!;
        dq.data[row * size + d]! += slope * k.data[key * size + d]!;
        dk.data[key * size + d]! += slope * q.data[row * size + d]!;
      }
    }
  });
  return [dq, dk, dv];
}
