// Where the arena's entries lie: the largest first, each in the smallest gap that is free for its whole life.
import type { Amount } from "../../ir/scheduled.js";
import { aligned } from "./lay-out-states.js";

/** Bytes that are needed from position `first` to position `last`, both included. */
export interface Entry {
  readonly bytes: Amount;
  readonly first: number;
  readonly last: number;
}
export interface Planned {
  /** Per entry, its offset in bytes. */
  readonly offsets: readonly Amount[];
  readonly bytes: Amount;
}

export function planMemory(entries: readonly Entry[], numVariants: number): Planned {
  const sizes = entries.map(({ bytes }) => aligned(bytes));
  const offsets = entries.map(() => new Array<number>(numVariants).fill(0));
  const total = new Array<number>(numVariants).fill(0);
  for (let variant = 0; variant < numVariants; variant++) {
    const order = entries
      .map((_, i) => i)
      .sort((a, b) => sizes[b]![variant]! - sizes[a]![variant]! || entries[a]!.first - entries[b]!.first || a - b);
    /** Placed entries, by offset. */
    const placed: number[] = [];
    for (const i of order) {
      const size = sizes[i]![variant]!;
      const { first, last } = entries[i]!;
      let best = -1;
      let bestGap = Number.POSITIVE_INFINITY;
      let end = 0;
      for (const other of placed) {
        if (entries[other]!.first > last || entries[other]!.last < first) continue;
        const start = offsets[other]![variant]!;
        const gap = start - end;
        if (gap >= size && gap < bestGap) [best, bestGap] = [end, gap];
        end = Math.max(end, start + sizes[other]![variant]!);
      }
      const offset = best >= 0 ? best : end;
      offsets[i]![variant] = offset;
      let at = placed.length;
      while (at > 0 && offsets[placed[at - 1]!]![variant]! > offset) at--;
      placed.splice(at, 0, i);
      total[variant] = Math.max(total[variant]!, offset + size);
    }
  }
  return { offsets, bytes: total };
}
