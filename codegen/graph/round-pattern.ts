// Offsets that take turns from round to round, or stand still in the last ones, as a start and a step.
import type { Amount } from "../../src/ir/scheduled.js";
import { plus, sameAmount, scaled } from "../kernel/amount.js";

export interface RoundPattern {
  readonly start: Amount;
  readonly step: Amount;
  /** Of the running index: `block % 2`, `(block + 1) % 2`, `std::min(block, 10)`. */
  readonly index: string;
}

/** Null where the offsets of a loop's rounds follow no such pattern. */
export function roundPattern(offsets: readonly Amount[], index: string): RoundPattern | null {
  const stepped = (placeOf: (round: number) => number, text: string): RoundPattern | null => {
    const [start, next] = [0, 1].map((place) => offsets[offsets.findIndex((_, round) => placeOf(round) === place)]);
    if (!start || !next) return null;
    const step = plus(next, scaled(start, -1));
    const holds = offsets.every((offset, round) => sameAmount(offset, plus(start, scaled(step, placeOf(round)))));
    return holds ? { start, step, index: text } : null;
  };
  for (let period = 2; period < offsets.length; period++)
    for (let ahead = 0; ahead < period; ahead++) {
      const sum = ahead === 0 ? index : `(${index} + ${ahead})`;
      const found = stepped((round) => (round + ahead) % period, `${sum} % ${period}`);
      if (found) return found;
    }
  for (let last = 1; last < offsets.length - 1; last++) {
    const found = stepped((round) => Math.min(round, last), `std::min(${index}, ${last})`);
    if (found) return found;
  }
  return null;
}
