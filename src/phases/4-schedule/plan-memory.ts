// Where the arena's entries lie: one after the other, each in the smallest gap that is free for its whole life. Several
// orders are tried, the largest first and the longest-lived first among them, and the one that needs least is taken.
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

interface Sized {
  readonly size: number;
  readonly first: number;
  readonly last: number;
}

const length = ({ first, last }: Sized): number => last - first + 1;

/** What comes first is placed first; ties are broken by the order of the list. */
const orders: readonly ((a: Sized, b: Sized) => number)[] = [
  (a, b) => b.size - a.size || a.first - b.first,
  (a, b) => length(b) - length(a) || b.size - a.size,
  (a, b) => b.size * length(b) - a.size * length(a),
  (a, b) => a.first - b.first || b.last - a.last || b.size - a.size,
  (a, b) => b.last - a.last || a.first - b.first || b.size - a.size,
];

export function planMemory(entries: readonly Entry[], numVariants: number): Planned {
  const sizes = entries.map(({ bytes }) => aligned(bytes));
  const byVariant = Array.from({ length: numVariants }, (_, variant) =>
    bestPlan(entries.map(({ first, last }, i) => ({ first, last, size: sizes[i]![variant]! }))),
  );
  return {
    offsets: entries.map((_, i) => byVariant.map(({ offsets }) => offsets[i]!)),
    bytes: byVariant.map(({ total }) => total),
  };
}

interface Plan {
  readonly offsets: readonly number[];
  readonly total: number;
}

function bestPlan(entries: readonly Sized[]): Plan {
  const least = mostAlive(entries);
  let best: Plan | null = null;
  for (const order of orders) {
    const plan = planIn(order, entries);
    if (best === null || plan.total < best.total) best = plan;
    if (best.total <= least) break;
  }
  return best!;
}

/** No plan needs fewer bytes than are alive at one moment. */
function mostAlive(entries: readonly Sized[]): number {
  const changes = entries.flatMap(({ first, last, size }) => [
    { at: first, size },
    { at: last + 0.5, size: -size },
  ]);
  changes.sort((a, b) => a.at - b.at);
  let [now, most] = [0, 0];
  for (const { size } of changes) {
    now += size;
    most = Math.max(most, now);
  }
  return most;
}

function planIn(order: (a: Sized, b: Sized) => number, entries: readonly Sized[]): Plan {
  const offsets = new Array<number>(entries.length).fill(0);
  /** Placed entries, by offset. */
  const placed: number[] = [];
  let total = 0;
  const sorted = entries.map((_, i) => i).sort((a, b) => order(entries[a]!, entries[b]!) || a - b);
  for (const i of sorted) {
    const { size, first, last } = entries[i]!;
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const other of placed) {
      const there = entries[other]!;
      if (there.first > last || there.last < first) continue;
      const gap = offsets[other]! - end;
      if (gap >= size && gap < bestGap) [best, bestGap] = [end, gap];
      end = Math.max(end, offsets[other]! + there.size);
    }
    const offset = best >= 0 ? best : end;
    offsets[i] = offset;
    let at = placed.length;
    while (at > 0 && offsets[placed[at - 1]!]! > offset) at--;
    placed.splice(at, 0, i);
    total = Math.max(total, offset + size);
  }
  return { offsets, total };
}
