// The letters of one step, as placement needs them: per dim the letter that may be split and the size of what is
// merged inside it, so that (he) is letter h with 64 elements inside and a split by h cuts the dim in units of 64.
import type { Op } from "../ops/op.js";

export interface TermDim {
  readonly letter: string;
  /** Elements of the dim for one place of the letter. */
  readonly inside: number;
}

export interface StepLetters {
  readonly inputs: readonly (readonly TermDim[])[];
  readonly outputs: readonly (readonly TermDim[])[];
  readonly sizes: ReadonlyMap<string, number>;
  /** Letters that no axis may split: bracketed ones and those inside a merged dim. */
  readonly whole: ReadonlySet<string>;
  /** Letters that no input has. */
  readonly free: ReadonlySet<string>;
  /** Letters of inputs that some output lacks. */
  readonly reduced: readonly string[];
}

/** The letters of a call of `op`. `shapes` are the whole shapes of the inputs. */
export function stepLetters(op: Op, shapes: readonly (readonly number[])[], attrs: unknown): StepLetters {
  const text = op.factors(shapes, attrs);
  const bracketed = [...text.matchAll(/\[(.)\]/g)].map((match) => match[1]!);
  const [ins, outs] = text.replace(/[[\]]/g, "").split("->");
  const dims = (term: string): string[] => [...term.matchAll(/\((\w+)\)|\w/g)].map((match) => match[1] ?? match[0]);
  const inputs = (ins === "*" ? [] : ins!.split(",")).map(dims);
  const outputs = outs!.split(",").map(dims);
  const sizes = new Map(Object.entries(op.sizes(attrs)));
  const inside = (dim: string): number => [...dim.slice(1)].reduce((n, letter) => n * sizes.get(letter)!, 1);
  inputs.forEach((term, i) => term.forEach((dim, d) => sizes.set(dim[0]!, shapes[i]![d]! / inside(dim))));
  const view = (terms: readonly string[][]): TermDim[][] =>
    terms.map((term) => term.map((dim) => ({ letter: dim[0]!, inside: inside(dim) })));
  const inner = [...inputs, ...outputs].flat().flatMap((dim) => [...dim.slice(1)]);
  const known = new Set(inputs.flat().flatMap((dim) => [...dim]));
  return {
    inputs: view(inputs),
    outputs: view(outputs),
    sizes,
    whole: new Set([...bracketed, ...inner]),
    free: new Set(
      outputs
        .flat()
        .flatMap((dim) => [...dim])
        .filter((letter) => !known.has(letter)),
    ),
    reduced: [...new Set(inputs.flat().map((dim) => dim[0]!))].filter((letter) =>
      outputs.some((term) => !term.some((dim) => dim.includes(letter))),
    ),
  };
}
