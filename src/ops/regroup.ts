// Other shapes of the same elements: dims split, merged, permuted, added and repeated.
import type { NdArray } from "../ir/nd.js";
import { composeRegroups } from "./compose-regroups.js";
import { freshLetters, parseFactors, type Term, withLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { emitOne, fillArray, free, plain } from "./record.js";
import { sum } from "./reductions.js";

export interface RegroupAttributes {
  readonly factors: string;
  readonly sizes: { readonly [letter: string]: number };
}

/** Splits, merges, permutes, adds and removes dims of size 1, and repeats along new letters. */
export const regroup: Op<RegroupAttributes> = {
  ...plain,
  name: "regroup",
  shortcut: ([number], _, { factors }) => {
    if (number != null) return { constant: number };
    const [from, to] = factors.split("->");
    return from === to ? { input: 0 } : null;
  },
  absorb: (before, attrs) =>
    before.op === regroup ? composeRegroups(before.attrs as RegroupAttributes, before.inputs[0]!.shape, attrs) : null,
  factors: (_, { factors }) => factors,
  sizes: ({ sizes }) => sizes,
  unmerge: ({ factors, sizes: given }, letter, sizes) => {
    const fresh = freshLetters(factors, sizes.length);
    const { [letter]: _, ...others } = given;
    return {
      factors: withLetters(factors, letter, fresh),
      sizes: { ...others, ...Object.fromEntries(fresh.map((each, i) => [each, sizes[i]!])) },
    };
  },
  dtypes: ([dtype]) => [dtype!],
  check: (_, { factors, sizes }) => {
    const { inputs, outputs } = parseFactors(factors);
    const kept = new Set(outputs.flat(2));
    for (const letter of inputs.flat(2))
      if (!kept.has(letter) && sizes[letter] !== 1) throw new OperandError(`regroup would lose letter ${letter}`);
  },
  linear: () => [[0]],
  localize: ({ factors, sizes }) => {
    const { inputs, outputs } = parseFactors(factors);
    const leading = new Set([...inputs[0]!, ...outputs[0]!].map(([first]) => first!));
    return [...leading]
      .filter((letter) => sizes[letter] !== undefined)
      .map((letter) => ({ path: `sizes.${letter}`, letter, take: "count" }) as const);
  },
  gradient: (g, [outer], [x], __, { factors, sizes }) => {
    if (!outer) return [null];
    const back = backwardOf(factors, x!.type.shape, sizes);
    const split = back.split === null ? outer : emitOne(g, regroup, [outer], back.split);
    const summed = back.dims.length === 0 ? split : emitOne(g, sum, [split], { dims: back.dims });
    return [back.rest === null ? summed : emitOne(g, regroup, [summed], back.rest)];
  },
  cost: free,
  reference: ([x], { factors, sizes }) => [regrouped(x!, factors, sizes)],
  lower: () => ({ kind: "regroup" }),
  samples: [
    { shapes: [[2, 6]], attrs: { factors: "b(he)->hbe", sizes: { h: 2, e: 3 } } },
    { shapes: [[2, 3]], attrs: { factors: "ab->(ba)", sizes: {} } },
    { shapes: [[3]], attrs: { factors: "a->ba1", sizes: { b: 2, "1": 1 } } },
    { shapes: [[2, 3]], attrs: { factors: "ab->a(bc)", sizes: { c: 2 } } },
    { shapes: [[3, 2]], attrs: { factors: "ab->(cab)", sizes: { c: 2 } } },
    { shapes: [[4, 3, 6]], attrs: { factors: "bt(he)->bhte", sizes: { h: 3, e: 2 } } },
    { shapes: [[6, 2]], attrs: { factors: "(he)d->(dh)e", sizes: { e: 2 } } },
  ],
};

/** The way back of a regroup: new letters that are merged with old ones are split off, new letters are summed, the rest is put back. */
function backwardOf(factors: string, shape: readonly number[], given: RegroupAttributes["sizes"]) {
  const [from, to] = factors.split("->") as [string, string];
  const { inputs, outputs } = parseFactors(factors);
  const sizes = letterSizes(inputs[0]!, shape, given);
  const known = new Set(inputs[0]!.flat());
  const isNew = (letter: string): boolean => !known.has(letter);
  const mixes = outputs[0]!.some((letters) => letters.some(isNew) && !letters.every(isNew));
  const terms = mixes ? outputs[0]!.flat().map((letter) => [letter]) : outputs[0]!;
  const show = (list: readonly (readonly string[])[]): string =>
    list.map((letters) => (letters.length === 1 ? letters[0]! : `(${letters.join("")})`)).join("");
  /** Only letters inside a merged dim, and new ones, need a size. */
  const attributes = (text: string): RegroupAttributes => {
    const { inputs: ins, outputs: outs } = parseFactors(text);
    const old = new Set(ins[0]!.map(([first]) => first!));
    const needed = new Set([...ins[0]!, ...outs[0]!].flatMap((letters) => letters.slice(1)));
    for (const letter of outs[0]!.flat()) if (!old.has(letter)) needed.add(letter);
    for (const letter of old) if (!outs[0]!.flat().includes(letter)) needed.add(letter);
    return { factors: text, sizes: Object.fromEntries([...needed].map((letter) => [letter, sizes.get(letter)!])) };
  };
  const isSummed = (letters: readonly string[]): boolean =>
    letters.every(isNew) && letters.some((letter) => sizes.get(letter) !== 1);
  const rest = show(terms.filter((letters) => !isSummed(letters)));
  return {
    split: mixes ? attributes(`${to}->${show(terms)}`) : null,
    dims: terms.flatMap((letters, dim) => (isSummed(letters) ? [dim] : [])),
    rest: rest === from ? null : attributes(`${rest}->${from}`),
  };
}

/** Sizes of all letters of a regroup: the given ones, but for the first letter of each of its operand's dims. */
export function letterSizes(
  term: Term,
  shape: readonly number[],
  given: RegroupAttributes["sizes"],
): Map<string, number> {
  const sizes = new Map(Object.entries(given));
  term.forEach((letters, d) => {
    const inside = letters.slice(1).reduce((n, letter) => n * sizes.get(letter)!, 1);
    sizes.set(letters[0]!, shape[d]! / inside);
  });
  return sizes;
}

function regrouped(x: NdArray, factors: string, given: { readonly [letter: string]: number }): NdArray {
  const { inputs, outputs } = parseFactors(factors);
  const sizes = letterSizes(inputs[0]!, x.shape, given);
  const strides = new Map<string, number>();
  let stride = 1;
  for (const letter of inputs[0]!.flat().reverse()) {
    strides.set(letter, stride);
    stride *= sizes.get(letter)!;
  }
  const flat = outputs[0]!.flat();
  const shape = outputs[0]!.map((letters) => letters.reduce((n, letter) => n * sizes.get(letter)!, 1));
  const steps = flat.map((letter) => strides.get(letter) ?? 0);
  const counts = flat.map((letter) => sizes.get(letter)!);
  const at = new Array<number>(flat.length).fill(0);
  let place = 0;
  return {
    shape,
    data: fillArray(shape, () => {
      const element = x.data[place]!;
      for (let d = flat.length - 1; d >= 0; d--) {
        place += steps[d]!;
        if (++at[d]! < counts[d]!) break;
        place -= steps[d]! * counts[d]!;
        at[d] = 0;
      }
      return element;
    }).data,
  };
}
