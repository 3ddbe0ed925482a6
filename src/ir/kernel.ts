// The one kernel description, printed for every target: an index space of outer and inner letters, and passes over it.
// Elementwise work has no inner letters; a row reduction reduces over the inner ones and may walk them again
// (softmax: maximum, sum, store). Scalar expressions say what happens to one element.

export type ScalarFunction =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "abs"
  | "sign"
  | "max"
  | "min"
  | "pow"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "tanh"
  | "erf"
  | "sin"
  | "cos"
  | "floor"
  | "sigmoid"
  | "less"
  | "lessEqual"
  | "equal"
  | "and"
  | "or"
  | "not"
  /** select(condition, then, else) */
  | "select"
  /** Round to bf16 and back; to an integer, towards zero. */
  | "roundToBf16"
  | "toInteger"
  /** Counter-based random numbers: (stream, step, round, logical element index) -> [0, 1), or the normal distribution. */
  | "randomUniform"
  | "randomNormal";

export type Scalar =
  /** An element of an input: at its own letters, or at the given indices (one per dim), which must be in bounds where selected. */
  | { readonly kind: "input"; readonly input: number; readonly at?: readonly Scalar[] }
  | { readonly kind: "constant"; readonly value: number }
  /** A numeric attribute of the op as this rank sees it (see `localize`), by path, e.g. `start.1`. */
  | { readonly kind: "attribute"; readonly path: string }
  /** This rank's index along a letter, from 0. */
  | { readonly kind: "index"; readonly letter: string }
  /** This rank's size of a letter. */
  | { readonly kind: "extent"; readonly letter: string }
  /** The result of an earlier reduce or let. */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "apply"; readonly fn: ScalarFunction; readonly args: readonly Scalar[] };

export type KernelPass =
  /** Reduces `of` over all inner letters, for each point of the outer ones. */
  | { readonly kind: "reduce"; readonly name: string; readonly by: "sum" | "max"; readonly of: Scalar }
  /** A scalar per outer point, computed from earlier names. */
  | { readonly kind: "let"; readonly name: string; readonly value: Scalar }
  /** Writes an element of an output at its own letters: over the outer letters alone, or over outer and inner ones. */
  | { readonly kind: "store"; readonly output: number; readonly over: "outer" | "all"; readonly value: Scalar };

export interface KernelBody {
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  readonly passes: readonly KernelPass[];
}

export const input = (index: number, at?: readonly Scalar[]): Scalar =>
  at ? { kind: "input", input: index, at } : { kind: "input", input: index };
export const constant = (value: number): Scalar => ({ kind: "constant", value });
export const attribute = (path: string): Scalar => ({ kind: "attribute", path });
export const index = (letter: string): Scalar => ({ kind: "index", letter });
export const extent = (letter: string): Scalar => ({ kind: "extent", letter });
export const named = (name: string): Scalar => ({ kind: "name", name });
export const apply = (fn: ScalarFunction, ...args: readonly Scalar[]): Scalar => ({ kind: "apply", fn, args });
