// Two regroups, one after the other, as one. Between them each dim is seen as two lists of letters, those that the first
// made it of and those that the second takes it apart into; both are cut until they agree.
import { dimLetters, parseFactors, type Term } from "./factors.js";
import { letterSizes, type RegroupAttributes } from "./regroup.js";

/** A letter of the first (`1`) or second (`2`) regroup, or a piece of one. */
type Part = string;
/** What each letter consists of, outermost first. */
type Pieces = Map<string, readonly Part[]>;

/** The regroup that does both to an operand of this shape, or null where letters do not divide, or are too many. */
export function composeRegroups(
  first: RegroupAttributes,
  shape: readonly number[],
  second: RegroupAttributes,
): RegroupAttributes | null {
  const [one, two] = [parseFactors(first.factors), parseFactors(second.factors)];
  const sizesOne = letterSizes(one.inputs[0]!, shape, first.sizes);
  const middle = one.outputs[0]!.map((letters) => letters.reduce((n, letter) => n * sizesOne.get(letter)!, 1));
  const sizesTwo = letterSizes(two.inputs[0]!, middle, second.sizes);
  const sizes = new Map<Part, number>();
  const pieces: Pieces = new Map();
  const enter = (prefix: string, known: ReadonlyMap<string, number>): void => {
    for (const [letter, size] of known) {
      sizes.set(prefix + letter, size);
      pieces.set(prefix + letter, [prefix + letter]);
    }
  };
  enter("1", sizesOne);
  enter("2", sizesTwo);
  for (const [dim, letters] of two.inputs[0]!.entries()) {
    const made = one.outputs[0]![dim]!.map((letter) => `1${letter}`);
    if (
      !agree(
        made,
        letters.map((letter) => `2${letter}`),
        sizes,
        pieces,
      )
    )
      return null;
  }
  const partsOf = (prefix: string, term: Term): readonly (readonly Part[])[] =>
    term.map((letters) => letters.flatMap((letter) => pieces.get(prefix + letter)!));
  return written(partsOf("1", one.inputs[0]!), partsOf("2", two.outputs[0]!), sizes);
}

/** Cuts the letters of both lists, which have the same product, until they are the same parts. */
function agree(made: readonly string[], taken: readonly string[], sizes: Map<Part, number>, pieces: Pieces): boolean {
  const [a, b] = [made, taken].map((letters) =>
    letters.flatMap((letter) => pieces.get(letter)!).filter((part) => sizes.get(part) !== 1),
  ) as [Part[], Part[]];
  const replace = (old: Part, by: readonly Part[]): void => {
    for (const [letter, parts] of pieces)
      if (parts.includes(old))
        pieces.set(
          letter,
          parts.flatMap((part) => (part === old ? by : [part])),
        );
  };
  // From the innermost part outwards.
  while (a.length > 0 && b.length > 0) {
    const [x, y] = [a.pop()!, b.pop()!];
    const [m, n] = [sizes.get(x)!, sizes.get(y)!];
    if (m === n) replace(y, [x]);
    else {
      const [large, small, list] = m > n ? [x, y, a] : [y, x, b];
      const [more, less] = [Math.max(m, n), Math.min(m, n)];
      if (more % less !== 0) return false;
      const outer = `${large}'`;
      const inner = m > n ? `${large}"` : small;
      sizes.set(outer, more / less);
      sizes.set(inner, less);
      replace(large, [outer, inner]);
      if (m > n) replace(small, [inner]);
      list.push(outer);
    }
  }
  return a.length === 0 && b.length === 0;
}

/** The line of factors over plain letters, with the sizes that an operand does not tell. */
function written(
  from: readonly (readonly Part[])[],
  to: readonly (readonly Part[])[],
  sizes: ReadonlyMap<Part, number>,
): RegroupAttributes | null {
  const all = [...new Set([...from.flat(), ...to.flat()])];
  const letters = dimLetters(all.length);
  if (all.length > letters.length) return null;
  const names = new Map(all.map((part, i) => [part, letters[i]!]));
  // A dim of size 1 keeps a letter of its own; inside others it says nothing.
  const term = (dims: readonly (readonly Part[])[]): string[][] =>
    dims.map((parts) => {
      const telling = parts.filter((part) => sizes.get(part) !== 1);
      return (telling.length > 0 ? telling : parts.slice(0, 1)).map((part) => names.get(part)!);
    });
  const show = (dims: string[][]): string =>
    dims.map((list) => (list.length === 1 ? list[0]! : `(${list.join("")})`)).join("");
  const [ins, outs] = [term(from), term(to)];
  const told = new Set(ins.map(([leading]) => leading!));
  const written = new Map<string, number>();
  for (const [part, letter] of names) written.set(letter, sizes.get(part)!);
  const needed = [...ins, ...outs].flatMap((list) =>
    list.filter((letter, i) => i > 0 || !told.has(letter) || written.get(letter) === 1),
  );
  return {
    factors: `${show(ins)}->${show(outs)}`,
    sizes: Object.fromEntries([...new Set(needed)].map((letter) => [letter, written.get(letter)!])),
  };
}
