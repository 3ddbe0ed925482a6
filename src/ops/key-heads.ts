// Key heads that several query heads share: a copy for each query head, and the sums that go back. They are picked by
// number, so that query heads can be split anywhere: a rank copies the key heads of its own query heads alone.
import type { LogicalValue } from "../ir/graph.js";
import { emitIota } from "./creation.js";
import { cast } from "./layout.js";
import { allRows, take, takeGradient } from "./lookup.js";
import type { Emitter } from "./op.js";
import { emitOne } from "./record.js";
import { regroup } from "./regroup.js";

/** The key head of each of `numHeads` query heads: floor((h + 1/2) / share). */
const keyHeads = (g: Emitter, numHeads: number, share: number): LogicalValue => {
  const halves = { shape: [numHeads], dtype: "f32", dim: 0, start: 0.5 / share, step: 1 / share } as const;
  return emitOne(g, cast, [emitIota(g, halves)], { dtype: "i32" });
};

/** The first two dims in the other order. */
const swapped = (g: Emitter, x: LogicalValue): LogicalValue =>
  emitOne(g, regroup, [x], { factors: "abcd->bacd", sizes: {} });

/** `x [B, G, S, D]`: `[B, G * share, S, D]`. */
export function copyPerQueryHead(g: Emitter, x: LogicalValue, share: number): LogicalValue {
  const heads = swapped(g, x);
  const numbers = keyHeads(g, x.type.shape[1]! * share, share);
  return swapped(g, emitOne(g, take, [heads, numbers], allRows(heads.type.shape)));
}

/** The sums of `x [B, G * share, S, D]` over the query heads of each key head: `[B, G, S, D]`. */
export function sumPerKeyHead(g: Emitter, x: LogicalValue, share: number): LogicalValue {
  const numHeads = x.type.shape[1]!;
  const numbers = keyHeads(g, numHeads, share);
  return swapped(g, emitOne(g, takeGradient, [numbers, swapped(g, x)], allRows([numHeads / share])));
}
