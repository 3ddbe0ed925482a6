// The letters of one step, as placement needs them: per dim the letter that may be split and the size of what is
// merged inside it, so that (he) is letter h with 64 elements inside and a split by h cuts the dim in units of 64.
import { parseFactors, type Term } from "../ops/factors.js";
import type { Op } from "../ops/op.js";

export interface TermDim {
  readonly letter: string;
  /** Elements of the dim for one place of the letter. */
  readonly inside: number;
  /** Elements of the dim. */
  readonly size: number;
  /** The letters that are merged inside, outermost first. */
  readonly inner: readonly string[];
}

export interface StepLetters {
  readonly inputs: readonly (readonly TermDim[])[];
  readonly outputs: readonly (readonly TermDim[])[];
  /** Of a letter that is resized, the larger one. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Letters that no axis may split: bracketed ones and those inside a merged dim. */
  readonly whole: ReadonlySet<string>;
  /** Letters that no input has. */
  readonly free: ReadonlySet<string>;
  /** Letters of inputs that some output lacks. */
  readonly reduced: readonly string[];
  /** Letters whose places must be neighbours: the op numbers them from the first, and from that alone. */
  readonly neighbouring: ReadonlySet<string>;
}

/** The letters of a call of `op`. `shapes` are the whole shapes of the inputs. */
export function stepLetters(op: Op, shapes: readonly (readonly number[])[], attrs: unknown): StepLetters {
  const { inputs, outputs, bracketed } = parseFactors(op.factors(shapes, attrs));
  const sizes = new Map(Object.entries(op.sizes(attrs)));
  const inside = ([, ...inner]: readonly string[]): number => inner.reduce((n, letter) => n * sizes.get(letter)!, 1);
  inputs.forEach((term, i) => {
    term.forEach((dim, d) => {
      sizes.set(dim[0]!, shapes[i]![d]! / inside(dim));
    });
  });
  const resized = op.resized(attrs);
  const view = (terms: readonly Term[], sizeOf: (letter: string) => number): TermDim[][] =>
    terms.map((term) =>
      term.map((dim) => {
        const [letter, ...inner] = dim as readonly [string, ...string[]];
        return { letter, inside: inside(dim), size: sizeOf(letter) * inside(dim), inner };
      }),
    );
  const views = {
    inputs: view(inputs, (letter) => sizes.get(letter)!),
    outputs: view(outputs, (letter) => resized[letter] ?? sizes.get(letter)!),
  };
  for (const [letter, size] of Object.entries(resized)) sizes.set(letter, Math.max(size, sizes.get(letter)!));
  const inner = [...inputs, ...outputs].flat().flatMap((dim) => dim.slice(1));
  const known = new Set(inputs.flat(2));
  const localized = op.localize(attrs);
  const lettersBy = (take: string): Set<string> =>
    new Set(localized.flatMap((local) => (local.take === take ? [local.letter] : [])));
  const jumping = lettersBy("jump");
  return {
    ...views,
    sizes,
    whole: new Set([...bracketed, ...inner]),
    free: new Set(outputs.flat(2).filter((letter) => !known.has(letter))),
    reduced: [...new Set(inputs.flat().map((dim) => dim[0]!))].filter((letter) =>
      outputs.some((term) => !term.some((dim) => dim.includes(letter))),
    ),
    neighbouring: new Set([...lettersBy("start")].filter((letter) => !jumping.has(letter))),
  };
}
