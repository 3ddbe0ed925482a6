// When each step of a graph is done: some before the microbatches go through, some with each of them, the rest behind.
// Where what all microbatches together have is read by a microbatch again (a count of tokens, the mean of a batch), they go
// through more than once: pass after pass. Everything is as late as its readers allow.
import type { LocalValue } from "../../../ir/graph.js";
import { makesOf, readsOf } from "../../../ir/steps.js";
import type { Assigned } from "./work.js";

export interface When {
  /** Per entry: the pass with whose microbatches it is done, or before which, if it is done once. */
  readonly passes: readonly number[];
  /** What is done once and is numbered so is done behind the last pass. */
  readonly numPasses: number;
}

export function whenDone(entries: readonly Assigned[]): When {
  const isOnce = ({ time, joins }: Assigned): boolean => time === "once" || joins;
  const depths = new Map<number, number>();
  const depthOf = (values: readonly LocalValue[]): number =>
    Math.max(0, ...values.map(({ id }) => depths.get(id) ?? 0));
  let numPasses = 0;
  for (const entry of entries) {
    const depth = depthOf(readsOf(entry.step)) + (entry.joins ? 1 : 0);
    if (!isOnce(entry)) numPasses = Math.max(numPasses, depth + 1);
    for (const { id } of makesOf(entry.step)) depths.set(id, depth);
  }
  const latest = new Map<number, number>();
  const passes = entries.map(() => numPasses);
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]!;
    const readers = makesOf(entry.step).map(({ id }) => latest.get(id) ?? numPasses);
    const last = isOnce(entry) ? numPasses : numPasses - 1;
    passes[i] = Math.min(last, ...readers);
    const needed = entry.joins ? passes[i]! - 1 : passes[i]!;
    for (const { id } of readsOf(entry.step)) latest.set(id, Math.min(latest.get(id) ?? numPasses, needed));
  }
  return { passes, numPasses };
}
