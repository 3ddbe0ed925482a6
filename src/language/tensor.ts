// Tensors as users see them. Everything here is a primitive: the compiler gives its meaning when it evaluates a trainer,
// nothing runs in Node. Shapes are whole shapes, as if one device held everything. Names and rules are PyTorch's.

/** Element types: `f32`, `bf16`, `i32` (tokens, indices, positions) and `bool` (masks). */
export type DType = "f32" | "bf16" | "i32" | "bool";

/** Sizes, outermost dim first. */
export type Shape = readonly number[];

/** A tensor or a number that is spread over the other operand's shape. */
export type TensorLike = Tensor | number;

/** Which dims a reduction runs over (all of them when left out), and whether they stay as size 1. */
export interface ReduceOptions {
  readonly dim?: number | readonly number[];
  readonly keepdim?: boolean;
}

/** One dim, negative ones counted from the end. */
export interface DimOptions {
  readonly dim?: number;
}

/**
 * An n-dimensional array of numbers. Operands of one operation are broadcast as in PyTorch: shapes are aligned at the
 * end, and sizes must be equal or 1. Two tensors of different element types are refused (convert with `to`); an integer
 * tensor that meets a fractional number is refused too. There are no operators: write `a.add(b)`.
 */
export declare class Tensor {
  protected constructor();
  readonly shape: Shape;
  readonly dtype: DType;
  /** Number of dims. */
  readonly ndim: number;
  /** The gradient that `backward` has summed up for this parameter since `zeroGrad`; null for every other tensor. */
  readonly grad: Tensor | null;
  /**
   * How a parameter or buffer at rest, or a batch's field, lies on the mesh: `Shard(0)` or `Replicate()` for each axis with
   * more than one rank, from the outside. For `rankZeroPrint`; not known while the program is built.
   */
  readonly placements: readonly string[];

  /** Size of one dim. */
  size(dim: number): number;
  /** Number of elements. */
  numel(): number;

  /** `this + alpha * other`. */
  add(other: TensorLike, options?: { readonly alpha?: number }): Tensor;
  /** `this - alpha * other`. */
  sub(other: TensorLike, options?: { readonly alpha?: number }): Tensor;
  mul(other: TensorLike): Tensor;
  /** True division; integer tensors are refused (use `floorDivide`). */
  div(other: TensorLike): Tensor;
  /** Division rounded down, for integer tensors and floats. */
  floorDivide(other: TensorLike): Tensor;
  /** The remainder with the divisor's sign, as Python's `%`. */
  remainder(other: TensorLike): Tensor;
  /** `this ** exponent`, elementwise; a fractional exponent needs non-negative elements. */
  pow(exponent: TensorLike): Tensor;
  neg(): Tensor;
  abs(): Tensor;
  /** -1, 0 or 1. */
  sign(): Tensor;
  exp(): Tensor;
  /** Natural logarithm. */
  log(): Tensor;
  /** `log(1 + this)`. */
  log1p(): Tensor;
  sqrt(): Tensor;
  /** `1 / sqrt(this)`. */
  rsqrt(): Tensor;
  /** `1 / this`. */
  reciprocal(): Tensor;
  square(): Tensor;
  sin(): Tensor;
  cos(): Tensor;
  tanh(): Tensor;
  /** The error function. */
  erf(): Tensor;
  floor(): Tensor;
  /** `1 / (1 + exp(-this))`. */
  sigmoid(): Tensor;
  /** `max(this, 0)`. */
  relu(): Tensor;
  /** `x * Phi(x)`; with `approximate: "tanh"` GPT-2's approximation. */
  gelu(options?: { readonly approximate?: "none" | "tanh" }): Tensor;
  /** `x * sigmoid(x)`. */
  silu(): Tensor;
  /** The larger of two, elementwise. */
  maximum(other: TensorLike): Tensor;
  /** The smaller of two, elementwise. */
  minimum(other: TensorLike): Tensor;
  /** Limits every element to `[min, max]`; either may be left out. */
  clamp(options: { readonly min?: number; readonly max?: number }): Tensor;
  /** `this + weight * (end - this)`. */
  lerp(end: Tensor, weight: TensorLike): Tensor;
  /** `this + value * a * b`. */
  addcmul(a: Tensor, b: Tensor, options?: { readonly value?: number }): Tensor;
  /** `this + value * a / b`. */
  addcdiv(a: Tensor, b: Tensor, options?: { readonly value?: number }): Tensor;

  /** Comparisons give `bool` tensors. */
  eq(other: TensorLike): Tensor;
  ne(other: TensorLike): Tensor;
  lt(other: TensorLike): Tensor;
  le(other: TensorLike): Tensor;
  gt(other: TensorLike): Tensor;
  ge(other: TensorLike): Tensor;
  logicalAnd(other: Tensor): Tensor;
  logicalOr(other: Tensor): Tensor;
  logicalNot(): Tensor;
  /** `value` where `mask` (bool, broadcast to this shape) is true, else this element. */
  maskedFill(mask: Tensor, value: number): Tensor;

  /** Sum over dims; a `bool` or `i32` tensor gives `i32`. */
  sum(options?: ReduceOptions): Tensor;
  /** Mean over dims; floats only. */
  mean(options?: ReduceOptions): Tensor;
  /** Largest element over dims. */
  amax(options?: ReduceOptions): Tensor;
  /** Smallest element over dims. */
  amin(options?: ReduceOptions): Tensor;
  /** Variance over dims; divides by `n - correction` (1 unless told). */
  var(options?: ReduceOptions & { readonly correction?: number }): Tensor;
  /** Square root of `var`. */
  std(options?: ReduceOptions & { readonly correction?: number }): Tensor;
  /** Euclidean norm over dims. */
  norm(options?: ReduceOptions): Tensor;
  /** `log(sum(exp(this)))` over dims, safe for large elements. */
  logsumexp(options: ReduceOptions): Tensor;
  /** Index (`i32`) of the largest element along `dim`; the first of equal ones. */
  argmax(options: { readonly dim: number; readonly keepdim?: boolean }): Tensor;
  /** Exponentials along `dim`, scaled to sum 1. */
  softmax(dim: number): Tensor;
  /** `log(softmax)` along `dim`. */
  logSoftmax(dim: number): Tensor;

  /** The same elements in another shape; one size may be -1. Dims may be split, merged, added and removed (size 1). */
  view(shape: Shape): Tensor;
  /** As `view`: dreamc decides itself whether a copy is needed. */
  reshape(shape: Shape): Tensor;
  /** Merges dims `start` to `end` (inclusive) into one. */
  flatten(start?: number, end?: number): Tensor;
  /** Splits one dim into several; one size may be -1. */
  unflatten(dim: number, sizes: Shape): Tensor;
  /** Exchanges two dims. */
  transpose(a: number, b: number): Tensor;
  /** The dims in another order. */
  permute(dims: readonly number[]): Tensor;
  /** Exchanges the dims of a matrix. */
  t(): Tensor;
  /** Adds a dim of size 1. */
  unsqueeze(dim: number): Tensor;
  /** Removes a dim of size 1. */
  squeeze(dim: number): Tensor;
  /** Repeats dims of size 1 up to `shape`; -1 keeps a size. New dims come in front. */
  expand(shape: Shape): Tensor;
  /** Elements `start` (inclusive) to `end` (exclusive) of one dim; negative places count from the end. */
  slice(dim: number, start: number, end?: number): Tensor;
  /** As `slice`, with a length. */
  narrow(dim: number, start: number, length: number): Tensor;
  /** One place of one dim; the dim goes away. */
  select(dim: number, index: number): Tensor;
  /** Up to `n` pieces along `dim` (0 unless told), the last one smaller if the size does not divide. */
  chunk(n: number, options?: DimOptions): Tensor[];
  /** Pieces along `dim` (0 unless told): of one size each, or of the given sizes. */
  split(sizes: number | readonly number[], options?: DimOptions): Tensor[];
  /** Every element `repeats` times along `dim`, neighbours together. */
  repeatInterleave(repeats: number, options: { readonly dim: number }): Tensor;
  /** The whole tensor again and again: `repeats[d]` times along dim d. */
  repeat(repeats: readonly number[]): Tensor;
  /** Zeros (or `value`) around: `[before, after]` of the last dim first, as PyTorch's `F.pad`. */
  pad(widths: readonly number[], options?: { readonly value?: number }): Tensor;
  /** Itself: layouts are dreamc's business. */
  contiguous(): Tensor;
  /** Itself, for PyTorch's sake: tensors never change. */
  clone(): Tensor;

  /** Matrix product over the last two dims, the others broadcast; vectors as in PyTorch. */
  matmul(other: Tensor): Tensor;
  /** Elements picked along `dim` by `index` (`i32`, same number of dims, same sizes but along `dim`). */
  gather(dim: number, index: Tensor): Tensor;
  /** Whole slices of dim 0 picked by `index` (`i32`, any shape): `[...index.shape, ...rest]`. */
  take(index: Tensor): Tensor;

  /** Another element type; floats become integers by cutting off, anything nonzero is true. */
  to(dtype: DType): Tensor;
  float(): Tensor;
  bfloat16(): Tensor;
  int(): Tensor;
  bool(): Tensor;

  /** The same numbers as a constant: no gradient flows through. */
  detach(): Tensor;
  /** The number in a tensor of one element, as a run-time value: the program waits for it. */
  item(): number;
}

/** What a `State` can do beyond a `Tensor`: it is kept between steps, and these methods change what it holds. */
declare abstract class MutableTensor extends Tensor {
  /** Holds `value` from now on (same shape and element type; numbers and smaller shapes are broadcast). */
  copy_(value: TensorLike): this;
  add_(other: TensorLike, options?: { readonly alpha?: number }): this;
  sub_(other: TensorLike, options?: { readonly alpha?: number }): this;
  mul_(other: TensorLike): this;
  div_(other: TensorLike): this;
  /** `this += weight * (end - this)`. */
  lerp_(end: Tensor, weight: TensorLike): this;
  /** `this += value * a * b`. */
  addcmul_(a: Tensor, b: Tensor, options?: { readonly value?: number }): this;
  /** `this += value * a / b`. */
  addcdiv_(a: Tensor, b: Tensor, options?: { readonly value?: number }): this;
  clamp_(options: { readonly min?: number; readonly max?: number }): this;
  zero_(): this;
  fill_(value: number): this;
}

/**
 * A tensor that training changes. It is made with a shape alone: nothing is allocated while a trainer is built, and
 * `initWeights` (or a module's own `resetParameters`) says what it holds at first.
 */
export declare class Parameter extends MutableTensor {
  constructor(shape: Shape, options?: { readonly dtype?: DType; readonly requiresGrad?: boolean });
  /** Whether `backward` computes its gradient. */
  readonly requiresGrad: boolean;
  /** Freezes (`false`) or thaws the parameter, before training starts. */
  requiresGrad_(value?: boolean): this;
  /** Its full name, e.g. `model.blocks.0.attn.qProj.weight`; empty before `configureModels` has ended. */
  readonly name: string;
}

/** A tensor that a module, optimizer or metric keeps between steps and that no gradient changes. Starts as zeros. */
export declare class Buffer extends MutableTensor {
  constructor(shape: Shape, options?: { readonly dtype?: DType });
}

/** The element type of a new tensor; `f32` unless told. */
export interface CreateOptions {
  readonly dtype?: DType;
}

/** All elements 0. */
export declare function zeros(shape: Shape, options?: CreateOptions): Tensor;
/** All elements 1. */
export declare function ones(shape: Shape, options?: CreateOptions): Tensor;
/** All elements `value`. */
export declare function full(shape: Shape, value: number, options?: CreateOptions): Tensor;
/** All elements 0, of the shape and element type of `tensor`. */
export declare function zerosLike(tensor: Tensor): Tensor;
/** All elements 1, of the shape and element type of `tensor`. */
export declare function onesLike(tensor: Tensor): Tensor;
/** All elements `value`, of the shape and element type of `tensor`. */
export declare function fullLike(tensor: Tensor, value: number): Tensor;
/** `[start, end)` by `step`: `i32` unless told. `arange(end)` starts at 0. */
export declare function arange(end: number, options?: CreateOptions): Tensor;
export declare function arange(
  start: number,
  end: number,
  options?: CreateOptions & { readonly step?: number },
): Tensor;
/** `count` places from `start` to `end`, both included. */
export declare function linspace(start: number, end: number, count: number): Tensor;
/** The unit matrix. */
export declare function eye(n: number, options?: CreateOptions): Tensor;
/** A small constant tensor from numbers, nested by dims: `tensor([[1, 2], [3, 4]])`. `f32` unless told. */
export declare function tensor(values: NestedNumbers, options?: CreateOptions): Tensor;
/** A number, or lists of them nested by dims. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** Lower triangle of the last two dims, zeros above diagonal `diagonal`. */
export declare function tril(x: Tensor, options?: { readonly diagonal?: number }): Tensor;
/** Upper triangle of the last two dims, zeros below diagonal `diagonal`. */
export declare function triu(x: Tensor, options?: { readonly diagonal?: number }): Tensor;
/** Side by side along `dim` (0 unless told); the other sizes must be equal. */
export declare function cat(tensors: readonly Tensor[], options?: DimOptions): Tensor;
/** Side by side along a new dim `dim` (0 unless told); all shapes must be equal. */
export declare function stack(tensors: readonly Tensor[], options?: DimOptions): Tensor;
/** `a` where `condition` (bool) is true, else `b`; all three broadcast. */
export declare function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor;
/** Sums of products by letters, e.g. `einsum("bhqd,bhkd->bhqk", q, k)`; one or two operands. */
export declare function einsum(equation: string, ...operands: readonly Tensor[]): Tensor;

/**
 * Random numbers are counted, not drawn: an element depends on the program's `--seed`, the place in the source (or the
 * parameter it fills), its index and the training step alone. So every mesh sees the same ones.
 */
/** Uniform in `[0, 1)`. */
export declare function rand(shape: Shape, options?: { readonly step?: number }): Tensor;
/** Normal with mean 0 and standard deviation 1. */
export declare function randn(shape: Shape, options?: { readonly step?: number }): Tensor;
/** Whole numbers (`i32`) in `[low, high)`. */
export declare function randint(low: number, high: number, shape: Shape, options?: { readonly step?: number }): Tensor;

/** Inside, results are constants: no gradient flows through what `body` computes. */
export declare function noGrad<T>(body: () => T): T;
