// The op record: everything dreamc knows about one operation. Adding an op means adding one of these; nothing outside
// ops/ asks which op a step is. `factors` relates the dims of operands and results, one letter per dim (see factors.ts);
// shapes, traffic, sharding and loops follow from it.
import type { LogicalValue } from "../ir/graph.js";
import type { KernelBody } from "../ir/kernel.js";
import type { NdArray } from "../ir/nd.js";
import type { Reduction } from "../ir/placement.js";
import type { DType, TensorType } from "../ir/tensor-type.js";

/** Adds steps to a graph under construction. Passes, gradients and `apart` make ops through this alone. */
export interface Emitter {
  emit<A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: NoInfer<A>): readonly LogicalValue[];
}

/**
 * A numeric attribute that a rank sees otherwise when `letter` is split (see `Span` in ir/local-size.ts): `start` is
 * added to it, the others replace it. An op that takes `start` and no `jump` is given neighbouring places alone.
 */
export interface LocalAttribute {
  readonly path: string;
  readonly letter: string;
  readonly take: "start" | "count" | "valid" | "cut" | "jump";
}

/**
 * A call of one function of the runtime. Letters are gathered into named groups; the call gets each group's size as this
 * rank sees it and, for each operand, a pointer and the stride (in elements) of each of its groups: `a`, `aM`, `aK`.
 * So layouts are the scheduler's business: it may hand over any strided view that meets `groups` and `unit`, else it copies.
 */
export interface RuntimeCall {
  /** A function of the runtime, declared in runtime-cuda/include/dream/. It takes one struct of the same name, capitalised, with `Args` behind it. */
  readonly symbol: string;
  /** Group name to its letters, outermost first; a group may be empty (size 1, stride 0). */
  readonly groups: { readonly [group: string]: readonly string[] };
  readonly operands: readonly CallOperand[];
  /** Other ways to say the same, for operands that lie otherwise: the scheduler takes the one that copies least. */
  readonly alternatives?: readonly Pick<RuntimeCall, "groups" | "operands">[];
  /** Numbers that are neither sizes nor strides; an attribute path is read as this rank sees it (see `localize`). */
  readonly options: { readonly [name: string]: number | boolean | string | { readonly attribute: string } };
  /** Bytes of scratch memory the call needs, beyond operands. */
  readonly workspace: number;
}
export interface CallOperand {
  readonly name: string;
  readonly role: "input" | "output";
  readonly index: number;
  /** The groups that this operand has; the letters of each must lie one behind the other in memory. */
  readonly groups: readonly string[];
  /** At least one of these groups must have stride 1; empty: no condition. */
  readonly unit: readonly string[];
}

export type Lowering =
  | { readonly kind: "loops"; readonly body: KernelBody }
  /** No work: the result is the input read through other strides, as the factors say (split, merge, permute; an absent letter has stride 0). */
  | { readonly kind: "regroup" }
  /** No work: dim `dim` from `start` by `step`; the other dims as they are. */
  | { readonly kind: "slice"; readonly dim: number; readonly start: number; readonly step: number }
  | { readonly kind: "call"; readonly call: RuntimeCall };

export interface Cost {
  /** Multiplications and additions, counted apart. */
  readonly flops: number;
  /** Bytes that must pass through memory if nothing is fused. */
  readonly bytes: number;
}

/** What mixed precision does with the op: compute in bf16, keep in f32, or follow its widest input. */
export type Precision = "compute" | "full" | "follow";

/** A result that need not be computed: it is an input, of the same type, or one number everywhere. */
export type Shortcut = { readonly input: number } | { readonly constant: number };

/** The op that made an operand. */
export interface Before {
  readonly op: Op;
  readonly attrs: unknown;
  readonly inputs: readonly TensorType[];
  readonly output: TensorType;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of records holds each with its own attributes
export interface Op<A = any> {
  readonly name: string;
  /** One letter per dim: `mk,kn->mn`. See factors.ts for brackets, merged dims and ops without inputs. */
  factors(shapes: readonly (readonly number[])[], attrs: A): string;
  /** Sizes of letters that no input tells. */
  sizes(attrs: A): { readonly [letter: string]: number };
  /** Letters that are shorter or longer in results than in operands, with their size there. Places that both have are the same. */
  resized(attrs: A): { readonly [letter: string]: number };
  /**
   * Attributes with which the op does the same where a dim of `letter` is several dims of these sizes, outermost first;
   * null: it cannot. `shapes` are those before.
   */
  unmerge(attrs: A, letter: string, sizes: readonly number[], shapes: readonly (readonly number[])[]): A | null;
  /** Element types of the results; throws an `OperandError` on a mix that makes no sense. */
  dtypes(dtypes: readonly DType[], attrs: A): readonly DType[];
  /** Conditions beyond what the letters say. Throws an `OperandError`. */
  check?(types: readonly TensorType[], attrs: A): void;
  /** How letters absent from an output are reduced there, if not by sum. */
  readonly reduction: { readonly [letter: string]: Reduction };
  /** Sets of inputs in which the op is jointly linear: sums may pass there unreduced. */
  linear(numInputs: number, attrs: A): readonly (readonly number[])[];
  /** Inputs that hold indices or positions: no gradient flows there, and a sum never arrives there in parts. */
  readonly indices: readonly number[];
  /** What to write into an input's padding along a reduced letter so that it has no effect. Null: 0 into the first linear set. */
  neutral: ((letter: string) => readonly { readonly input: number; readonly fill: number }[]) | null;
  localize(attrs: A): readonly LocalAttribute[];
  /** For a letter that must stay whole: an equivalent small graph in which it need not. */
  apart(letter: string): ((g: Emitter, inputs: readonly LogicalValue[], attrs: A) => readonly LogicalValue[]) | null;
  /**
   * For a letter: how the results of two pieces become the result of both, as a small graph (results that have the letter
   * are passed and handed back, and mean nothing there). Null: they add.
   */
  merge(
    letter: string,
  ): ((g: Emitter, a: readonly LogicalValue[], b: readonly LogicalValue[]) => readonly LogicalValue[]) | null;
  /** Whether it may run in rounds, a piece of the letter in each, while the next piece is on its way: work enough for that. */
  rounds(letter: string): boolean;
  /** Gradient by each input: null where it is zero. `gradients` has null for outputs that the loss does not depend on. */
  gradient(
    g: Emitter,
    gradients: readonly (LogicalValue | null)[],
    inputs: readonly LogicalValue[],
    outputs: readonly LogicalValue[],
    attrs: A,
  ): readonly (LogicalValue | null)[];
  /** Whether its result is a constant of every loss, whatever it reads. */
  readonly stopsGradient: boolean;
  /** The name under which a plan may say where the result lies; only marks have one. */
  mark?(attrs: A): string;
  /** For marks: which dim of the result the plan's dim `dim` is, since some may have been taken apart. */
  markedDim?(attrs: A, dim: number): number;
  /** Attributes with which the op hands out its result as `dtype` though its operands are narrower; null: it cannot. */
  widen(attrs: A, dtype: DType): A | null;
  readonly precision: Precision;
  /** For ops of one result: what it is without any work, given the numbers that fill inputs wholly; null: nothing is known. */
  shortcut(constants: readonly (number | null)[], inputs: readonly TensorType[], attrs: A): Shortcut | null;
  /** Attributes with which the op does to `before`'s only input what it did to its result; null: there are none. */
  absorb(before: Before, attrs: A): A | null;
  cost(inputs: readonly TensorType[], outputs: readonly TensorType[], attrs: A): Cost;
  /** The meaning of the op in float64. Everything else is compared with it. */
  reference(inputs: readonly NdArray[], attrs: A): readonly NdArray[];
  /** How targets run it. Described once: targets print it. */
  lower(inputs: readonly TensorType[], outputs: readonly TensorType[], attrs: A): Lowering;
  /** Inputs that the generic tests run on. */
  readonly samples: readonly [Sample<A>, ...Sample<A>[]];
}

export interface Sample<A> {
  readonly shapes: readonly (readonly number[])[];
  readonly attrs: A;
  /** Inputs that hold integers and the bound they stay under; inputs that must be positive. */
  readonly below?: { readonly [input: number]: number };
  readonly positive?: readonly number[];
}

/** The operands do not fit. Whoever emits the op gives it a place and a call stack. */
export class OperandError extends Error {
  override readonly name = "OperandError";
}
