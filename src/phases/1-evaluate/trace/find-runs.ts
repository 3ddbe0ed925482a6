// Stretches of a list in which the same sequence follows itself.

export interface Run {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}
const maxPeriod = 64;

/** The stretch that covers most comes first (then the shortest period, then the earliest), then the others around it; in order. */
export function findRuns(items: readonly unknown[]): readonly Run[] {
  const n = items.length;
  let best = null as Run | null;
  for (let period = 1; period <= Math.min(maxPeriod, n / 2); period++) {
    let matches = 0;
    for (let i = n - 1 - period; i >= 0; i--) {
      matches = items[i] === items[i + period] ? matches + 1 : 0;
      const count = Math.floor(matches / period) + 1;
      const covered = count * period;
      const before = best === null ? 0 : best.count * best.period;
      if (count >= 2 && (covered > before || (covered === before && best?.period === period)))
        best = { start: i, period, count };
    }
  }
  if (best === null) return [];
  const end = best.start + best.period * best.count;
  const after = findRuns(items.slice(end)).map((run) => ({ ...run, start: run.start + end }));
  return [...findRuns(items.slice(0, best.start)), best, ...after];
}
