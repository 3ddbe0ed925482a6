// Whether two groups can be one kernel: the letters of the reader, told in letters of the maker, by the places at which
// tensors are written and read. Letters of the maker are split where the reader's are finer.
import type { Amount } from "../../ir/scheduled.js";
import { divides, is, most, quotient, sameAmount, times } from "./amounts.js";
import type { Group, Member } from "./groups.js";
import { substitute } from "./linear.js";
import type { Letter, Linear, Tensor } from "./work.js";

/** A tensor that one group writes and the other reads: indices in the letters of each. */
export interface Link {
  readonly tensor: Tensor;
  readonly written: readonly Linear[];
  readonly read: readonly Linear[];
}

interface Digit {
  readonly letter: Letter;
  readonly size: Amount;
}

/** One kernel that does the work of both, or null. */
export function matched(maker: Group, reader: Group, links: readonly Link[]): Group | null {
  const matching = new Matching();
  for (const { tensor, written, read } of links)
    for (let dim = 0; dim < written.length; dim++)
      if (!matching.align(written[dim]!, read[dim]!, tensor.shape[dim]!)) return null;
  return joinedGroup(maker, reader, matching);
}

class Matching {
  /** Letters of the maker that were split, outermost first; a split letter may be split again. */
  private readonly splits = new Map<Letter, readonly Digit[]>();
  /** Letters of the reader, as digits of the maker, innermost first. */
  readonly found = new Map<Letter, readonly Digit[]>();

  /** The digits of a maker's letter, innermost first. */
  digitsOf(letter: Letter): readonly Digit[] {
    const parts = this.splits.get(letter);
    return parts ? [...parts].reverse().flatMap((part) => this.digitsOf(part.letter)) : [{ letter, size: letter.size }];
  }

  align(written: Linear, read: Linear, size: Amount): boolean {
    if (!is(written.offset, 0) || !is(read.offset, 0)) return false;
    const makers = digitList(written, size)?.flatMap((letter) => this.digitsOf(letter));
    const readers = digitList(read, size);
    if (!makers || !readers) return false;
    const queue = [...makers];
    for (const letter of readers) {
      const digits: Digit[] = [];
      let need = letter.size;
      while (!is(need, 1)) {
        const next = queue.shift();
        if (next === undefined) return false;
        if (divides(need, next.size)) {
          digits.push(next);
          need = quotient(need, next.size);
        } else if (divides(next.size, need)) {
          const low: Digit = { letter: { hint: next.letter.hint, size: need }, size: need };
          const rest = quotient(next.size, need);
          const high: Digit = { letter: { hint: next.letter.hint, size: rest }, size: rest };
          this.splits.set(next.letter, [high, low]);
          for (const [known, list] of this.found)
            this.found.set(
              known,
              list.flatMap((digit) => (digit.letter === next.letter ? [low, high] : [digit])),
            );
          digits.push(low);
          queue.unshift(high);
          need = quotient(need, need);
        } else return false;
      }
      const known = this.found.get(letter);
      if (known && !sameDigits(known, digits)) return false;
      this.found.set(letter, digits);
    }
    return queue.length === 0;
  }

  /** Where the maker's letters are now. */
  makerPlaces(letters: readonly Letter[], numVariants: number): ReadonlyMap<Letter, Linear> {
    return new Map(letters.map((letter) => [letter, linearOf(this.digitsOf(letter), numVariants)]));
  }
}

const sameDigits = (a: readonly Digit[], b: readonly Digit[]): boolean =>
  a.length === b.length && a.every(({ letter }, i) => letter === b[i]!.letter);

export function linearOf(
  digits: readonly { readonly letter: Letter; readonly size: Amount }[],
  numVariants: number,
): Linear {
  const terms = new Map<Letter, Amount>();
  let step: Amount = new Array<number>(numVariants).fill(1);
  for (const { letter, size } of digits) {
    terms.set(letter, step);
    step = times(step, size);
  }
  return { offset: new Array<number>(numVariants).fill(0), terms };
}

/** The letters of an index whose digits they are, innermost first: together all of the dim. Null where it is no such index. */
function digitList({ terms }: Linear, size: Amount): readonly Letter[] | null {
  const digits = [...terms].sort(([, a], [, b]) => a[0]! - b[0]!);
  let inside: Amount = size.map(() => 1);
  for (const [letter, step] of digits) {
    if (!sameAmount(step, inside)) return null;
    inside = times(inside, letter.size);
  }
  return sameAmount(inside, size) ? digits.map(([letter]) => letter) : null;
}

function joinedGroup(maker: Group, reader: Group, matching: Matching): Group | null {
  const numVariants = (maker.outer[0] ?? maker.inner[0] ?? reader.outer[0] ?? reader.inner[0])?.size.length ?? 1;
  const digits = (letters: readonly Letter[]): readonly Letter[] =>
    letters.flatMap((letter) => [...matching.digitsOf(letter)].reverse().map((digit) => digit.letter));
  const outer = digits(maker.outer);
  const inner = digits(maker.inner);
  const covered = new Set([...matching.found.values()].flatMap((list) => list.map(({ letter }) => letter)));
  const coversOuter = outer.every((letter) => covered.has(letter));
  const coversInner = inner.every((letter) => covered.has(letter));
  const touchesInner = inner.some((letter) => covered.has(letter));
  const isKnown = (letter: Letter): boolean => matching.found.has(letter);
  const places = new Map<Letter, Linear>();
  for (const [letter, list] of matching.found) places.set(letter, linearOf(list, numVariants));
  const image = (letters: readonly Letter[]): readonly Letter[] =>
    letters.flatMap((letter) => [...(matching.found.get(letter) ?? [])].reverse().map((digit) => digit.letter));
  const makerPlaces = matching.makerPlaces([...maker.outer, ...maker.inner], numVariants);
  const join = (
    shape: { readonly outer: readonly Letter[]; readonly inner: readonly Letter[] },
    makerOver: "outer" | "all" | null,
    readerOver: "outer" | "all" | null,
  ): Group => ({
    ...shape,
    members: [
      ...maker.members.map((member) => moved(member, makerPlaces, makerOver)),
      ...reader.members.map((member) => moved(member, places, readerOver)),
    ],
  });
  if (!coversOuter) return null;
  const unknown = reader.outer.filter((letter) => !isKnown(letter));
  if (unknown.length > 0) {
    // Rows of the maker's that the reader walks again: letters that are not among the links are those of the row.
    const isRow = maker.inner.length > 0 && reader.inner.length === 0 && !touchesInner && isSmallRow(outer, inner);
    if (!isRow || !pair(unknown, inner, places, numVariants)) return null;
    return join({ outer, inner }, null, "all");
  }
  if (maker.inner.length === 0 && reader.inner.length === 0) return join({ outer, inner }, null, null);
  if (maker.inner.length === 0) {
    if (reader.inner.every(isKnown)) {
      const [first, second] = [image(reader.outer), image(reader.inner)];
      if (first.some((letter) => second.includes(letter))) return null;
      return join({ outer: first, inner: second }, "all", null);
    }
    if (reader.inner.some(isKnown)) return null;
    for (const letter of reader.inner) places.set(letter, linearOf([{ letter, size: letter.size }], numVariants));
    return join({ outer, inner: reader.inner }, "outer", null);
  }
  const isOuterDigit = new Set(outer);
  if (reader.inner.length === 0) {
    if (touchesInner && !(coversInner && isSmallRow(outer, inner))) return null;
    return join({ outer, inner }, null, touchesInner ? "all" : "outer");
  }
  if (!isSmallRow(outer, inner) || image(reader.outer).some((letter) => !isOuterDigit.has(letter))) return null;
  if (reader.inner.every(isKnown)) {
    if (!coversInner || image(reader.inner).some((letter) => isOuterDigit.has(letter))) return null;
    return join({ outer, inner }, null, null);
  }
  if (touchesInner || !pair(reader.inner, inner, places, numVariants)) return null;
  return join({ outer, inner }, null, null);
}

/** Letters of the reader that are the maker's, one by one. */
function pair(
  readers: readonly Letter[],
  makers: readonly Letter[],
  places: Map<Letter, Linear>,
  numVariants: number,
): boolean {
  if (readers.length !== makers.length) return false;
  if (!readers.every((letter, i) => sameAmount(letter.size, makers[i]!.size))) return false;
  readers.forEach((letter, i) => {
    places.set(letter, linearOf([{ letter: makers[i]!, size: letter.size }], numVariants));
  });
  return true;
}

/** A row that is walked again is still in the cache; one alone leaves nothing for other threads. */
const mostElements = 131_072;
const mostAlone = 16_384;

function isSmallRow(outer: readonly Letter[], inner: readonly Letter[]): boolean {
  const count = (letters: readonly Letter[]): number => letters.reduce((n, { size }) => n * most(size), 1);
  return count(inner) <= (count(outer) < 4 ? mostAlone : mostElements);
}

function moved(member: Member, places: ReadonlyMap<Letter, Linear>, over: "outer" | "all" | null): Member {
  const own = new Map<Letter, Linear>();
  for (const [letter, place] of member.places) own.set(letter, substitute(place, places)!);
  return { piece: member.piece, places: own, over: over ?? member.over };
}
