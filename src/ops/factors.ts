// The factor notation: one letter per dim, `mk,kn->mn`. `[v]` may not be split, `(he)` is a merged dim with h outermost,
// `*->ab` has no inputs, `->ab` one input without dims. Sizes come from the inputs, or else from the record.
import { showType, type TensorType } from "../ir/tensor-type.js";
import { type Op, OperandError } from "./op.js";

/** Per dim of a term its letters, outermost first. */
export type Term = readonly (readonly string[])[];

export interface Factors {
  readonly inputs: readonly Term[];
  readonly outputs: readonly Term[];
  /** Letters in brackets. */
  readonly bracketed: readonly string[];
}

export interface Description {
  readonly factors: Factors;
  /** Of a letter that is resized, the larger one. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly outputTypes: readonly TensorType[];
}

/** Letters for the dims of a tensor, in order. */
export const dimLetters = (numDims: number): readonly string[] => [..."abcdefghijklmnopqrstuvwxyz".slice(0, numDims)];

/** Lines that were parsed: few different ones are parsed very often, and a line never means anything else. */
const parsed = new Map<string, Factors>();

export function parseFactors(text: string): Factors {
  const known = parsed.get(text);
  if (known) return known;
  const factors = parseLine(text);
  parsed.set(text, factors);
  return factors;
}

function parseLine(text: string): Factors {
  const [ins, outs] = text.replace(/[[\]]/g, "").split("->");
  if (ins === undefined || outs === undefined) throw new Error(`"${text}" is not a line of factors`);
  const term = (part: string): Term => [...part.matchAll(/\((\w+)\)|\w/g)].map((match) => [...(match[1] ?? match[0])]);
  return {
    inputs: ins === "*" ? [] : ins.split(",").map(term),
    outputs: outs.split(",").map(term),
    bracketed: [...text.matchAll(/\[(.)\]/g)].map((match) => match[1]!),
  };
}

/** Letters that a line of factors does not have. */
export function freshLetters(text: string, count: number): readonly string[] {
  const fresh = dimLetters(26).filter((letter) => !text.includes(letter));
  if (fresh.length < count) throw new Error(`"${text}" leaves no ${count} letters`);
  return fresh.slice(0, count);
}

/** A line of factors with other letters in one letter's place. */
export const withLetters = (text: string, letter: string, by: readonly string[]): string =>
  text.replaceAll(letter, by.join(""));

/** Factors, letter sizes and result types of a call. Throws an `OperandError` that names the shapes and dims that disagree. */
export function describe(op: Op, inputTypes: readonly TensorType[], attrs: unknown): Description {
  const shapes = inputTypes.map(({ shape }) => shape);
  const factors = parseFactors(op.factors(shapes, attrs));
  const fail = (why: string): never => {
    throw new OperandError(`${op.name} cannot take ${inputTypes.map(showType).join(" and ")}: ${why}`);
  };
  if (factors.inputs.length !== inputTypes.length) fail(`it takes ${factors.inputs.length} operands`);
  const sizes = new Map<string, number>(Object.entries(op.sizes(attrs)));
  const here = (i: number, d: number): string => `dim ${d} of operand ${i + 1} (${shapes[i]![d]})`;
  /** Where a letter was met first. */
  const firstPlace = (letter: string, before: string): string => {
    for (const [i, term] of factors.inputs.entries())
      for (const [d, letters] of term.entries())
        if (letters.includes(letter)) return here(i, d) === before ? "" : `, as ${here(i, d)}`;
    return "";
  };
  for (let i = 0; i < factors.inputs.length; i++) {
    const [needed, given] = [factors.inputs[i]!.length, shapes[i]!.length];
    if (needed !== given) fail(`operand ${i + 1} should have ${needed} dims, not ${given}`);
  }
  for (let i = 0; i < factors.inputs.length; i++) {
    const term = factors.inputs[i]!;
    for (let d = 0; d < term.length; d++) {
      const letters = term[d]!;
      const size = shapes[i]![d]!;
      let known = 1;
      let unknown: string | null = null;
      for (let l = 0; l < letters.length; l++) {
        const letterSize = sizes.get(letters[l]!);
        if (letterSize !== undefined) known *= letterSize;
        else if (unknown === null) unknown = letters[l]!;
        else fail(`${here(i, d)} is not a multiple of ${known}`);
      }
      if (unknown === null) {
        if (known !== size) fail(`${here(i, d)} should be ${known}${firstPlace(letters[0]!, here(i, d))}`);
      } else if (size % known !== 0) fail(`${here(i, d)} is not a multiple of ${known}`);
      else sizes.set(unknown, size / known);
    }
  }
  const dtypes = op.dtypes(
    inputTypes.map(({ dtype }) => dtype),
    attrs,
  );
  op.check?.(inputTypes, attrs);
  const resized = op.resized(attrs);
  const outputTypes = factors.outputs.map((term, o) => ({
    shape: term.map((letters) =>
      letters.reduce((n, letter) => {
        const size = resized[letter] ?? sizes.get(letter);
        if (size === undefined) throw new Error(`${op.name} does not say how large ${letter} is`);
        return n * size;
      }, 1),
    ),
    dtype: dtypes[o]!,
  }));
  for (const [letter, size] of Object.entries(resized)) sizes.set(letter, Math.max(size, sizes.get(letter) ?? 0));
  return { factors, sizes, outputTypes };
}
