// Indices along dims: linear in letters where possible, scalars where not.
import { apply, constant, type Scalar } from "../../ir/kernel.js";
import type { Amount } from "../../ir/scheduled.js";
import { divides, is, plus, quotient, sameAmount, times } from "./amounts.js";
import type { Letter, Linear } from "./work.js";

/** Where a letter of a piece is: linear in the letters of its kernel, or a computed place. */
export type Place = Linear | Scalar;
export const isLinear = (place: Place): place is Linear => "terms" in place;

export const sameLinear = (a: Linear, b: Linear): boolean => {
  if (a === b) return true;
  if (!sameAmount(a.offset, b.offset) || a.terms.size !== b.terms.size) return false;
  for (const [letter, step] of a.terms) {
    const other = b.terms.get(letter);
    if (other === undefined || !sameAmount(step, other)) return false;
  }
  return true;
};

/** Replaces letters by places; null where one of these is computed. */
export function substitute(linear: Linear, places: ReadonlyMap<Letter, Place>): Linear | null {
  let { offset } = linear;
  const terms = new Map<Letter, Amount>();
  for (const [letter, step] of linear.terms) {
    const place = places.get(letter);
    if (place === undefined) throw new Error(`letter ${letter.hint} is in no place`);
    if (!isLinear(place)) return null;
    if (!is(place.offset, 0)) offset = plus(offset, times(place.offset, step));
    for (const [other, by] of place.terms) {
      const move = times(by, step);
      const known = terms.get(other);
      terms.set(other, known ? plus(known, move) : move);
    }
  }
  return { offset, terms };
}

/**
 * The letters of a linear index from the index itself: the way back from where a tensor is written. Null where that needs
 * divisions.
 */
export function lettersAt(write: Linear, at: Linear): ReadonlyMap<Letter, Linear> | null {
  const digits = [...write.terms].sort(([, a], [, b]) => a[0]! - b[0]!);
  const found = new Map<Letter, Linear>();
  let rest = new Map(at.terms);
  let { offset } = at;
  if (digits.length === 0) return rest.size === 0 && is(offset, 0) ? found : null;
  for (const [i, [letter, step]] of digits.entries()) {
    const isLast = i === digits.length - 1;
    const end = isLast ? null : digits[i + 1]![1];
    if (end !== null && !sameAmount(end, times(step, letter.size))) return null;
    const own = new Map<Letter, Amount>();
    const above = new Map<Letter, Amount>();
    let reach = quotient(offset, step);
    if (end !== null) reach = reach.map((value, v) => value % letter.size[v]!);
    const ownOffset = reach;
    for (const [other, by] of rest) {
      if (end !== null && divides(by, end)) above.set(other, by);
      else if (divides(by, step)) {
        own.set(other, quotient(by, step));
        reach = plus(
          reach,
          times(
            quotient(by, step),
            plus(
              other.size,
              other.size.map(() => -1),
            ),
          ),
        );
      } else return null;
    }
    if (end !== null && reach.some((value, v) => value >= letter.size[v]!)) return null;
    if (end !== null) offset = offset.map((value, v) => value - (value % end[v]!));
    found.set(letter, { offset: ownOffset, terms: own });
    rest = above;
  }
  return found;
}

export const amountScalar = (amount: Amount, named: (amount: Amount) => Scalar): Scalar =>
  amount.every((each) => each === amount[0]) ? constant(amount[0]!) : named(amount);

/** The index as an expression. */
export function linearScalar(
  { offset, terms }: Linear,
  indexOf: (letter: Letter) => Scalar,
  amount: (value: Amount) => Scalar,
): Scalar {
  let total: Scalar | null = null;
  for (const [letter, step] of terms) {
    const term = is(step, 1) ? indexOf(letter) : apply("mul", indexOf(letter), amount(step));
    total = total === null ? term : apply("add", total, term);
  }
  if (total === null) return amount(offset);
  return is(offset, 0) ? total : apply("add", total, amount(offset));
}
