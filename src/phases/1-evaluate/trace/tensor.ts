// Tensors of the language: PyTorch's methods, each as a few steps of the op table. Shapes broadcast as in PyTorch; the
// graph holds the broadcasting as explicit regroup steps. Long: one method after the other.
import type { MessageArguments, MessageId } from "../../../diagnostics/messages.js";
import type { LogicalValue } from "../../../ir/graph.js";
import type { HostVariable } from "../../../ir/host.js";
import type { Origin } from "../../../ir/origin.js";
import type { State } from "../../../ir/state.js";
import { type DType, isFloat, numElements, showType, type TensorType } from "../../../ir/tensor-type.js";
import { allRows } from "../../../ops/lookup.js";
import type { Op } from "../../../ops/op.js";
import * as ops from "../../../ops/table.js";
import { knownOf, RunTime, type Scalar } from "../run-time.js";
import type { Segment } from "./segment.js";
import { broadcastShapes, regroupFactors, resolveDim, resolveDims, resolveShape } from "./shapes.js";
import type { Tracer } from "./tracer.js";

export type Source =
  | { readonly kind: "local"; readonly segment: Segment; readonly value: LogicalValue }
  | { readonly kind: "variable"; readonly variable: HostVariable }
  | { readonly kind: "batch"; readonly variable: HostVariable; readonly field: string }
  | { readonly kind: "state"; readonly holder: StateHolder };

/** A parameter's or buffer's state, once a trainer has registered it. */
export interface StateHolder {
  state: State | null;
  /** Where it was made. */
  readonly origin: Origin | null;
}
export type TensorLike = Tensor | Scalar;
interface ReduceOptions {
  readonly dim?: number | readonly number[];
  readonly keepdim?: boolean;
}
type Elementwise = Op<Record<never, never>>;

export class Tensor {
  readonly #tracer: Tracer;
  readonly #source: Source;
  readonly #type: TensorType;
  constructor(tracer: Tracer, source: Source, type: TensorType) {
    this.#tracer = tracer;
    this.#source = source;
    this.#type = type;
  }
  get tracer(): Tracer {
    return this.#tracer;
  }
  get source(): Source {
    return this.#source;
  }
  get type(): TensorType {
    return this.#type;
  }
  get shape(): readonly number[] {
    return this.#type.shape;
  }
  get dtype(): DType {
    return this.#type.dtype;
  }
  get ndim(): number {
    return this.shape.length;
  }
  get grad(): Tensor | null {
    if (this.source.kind !== "state" || !this.source.holder.state) return null;
    const state = this.tracer.gradients.get(this.source.holder.state);
    return state ? new Tensor(this.tracer, { kind: "state", holder: { state, origin: null } }, state.type) : null;
  }
  get placements(): readonly RunTime[] {
    const { source } = this;
    if (source.kind !== "state" && source.kind !== "batch") throw this.fail("placement-of-result");
    const of = source.kind === "batch" ? { field: source.field } : this.tracer.stateOf(this);
    return this.tracer.axes.map((axis) => new RunTime({ kind: "placement", of, axis }, "string"));
  }
  size(dim: number): number {
    return this.shape[this.dim(dim)]!;
  }
  numel(): number {
    return numElements(this.shape);
  }

  private get value(): LogicalValue {
    return this.tracer.valueOf(this);
  }
  private dim(dim: number): number {
    return resolveDim(Number(dim), this.ndim, this.tracer);
  }
  private emit<A>(op: Op<A>, inputs: readonly Tensor[], attrs: NoInfer<A>): Tensor {
    const values = inputs.map((tensor) => tensor.value);
    return this.tracer.tensor(this.tracer.emit(op, values, attrs)[0]!);
  }
  private unary(op: Elementwise): Tensor {
    return this.emit(op, [this], {});
  }
  private fail<I extends MessageId>(id: I, ...args: MessageArguments<I>): Error {
    return this.tracer.ev.fail(id, ...args);
  }

  /** The other operand as a tensor of this one's element type. */
  like(other: TensorLike, shape: readonly number[] = this.shape): Tensor {
    if (other instanceof Tensor) return other;
    const known = knownOf(other);
    const type = { shape, dtype: this.dtype };
    if (typeof known === "string") throw this.fail("not-an-operand", `the text "${known}"`);
    if (other instanceof RunTime) return this.tracer.tensor(this.tracer.scalarLike(other, type));
    if (typeof other !== "number" && typeof other !== "boolean") throw this.fail("not-an-operand", String(other));
    const value = Number(other);
    if (this.dtype === "i32" && !Number.isInteger(value)) throw this.fail("integers-meet-a-fraction", value);
    return this.emit(ops.constant, [], { ...type, value });
  }
  private binary(op: Elementwise, other: TensorLike): Tensor {
    const right = this.like(other);
    const name = op.name;
    if (right.dtype !== this.dtype) throw this.fail("dtypes-disagree", name, showType(this.type), showType(right.type));
    const shape = broadcastShapes(name, [this.shape, right.shape], this.tracer);
    return this.emit(op, [this.expand(shape), right.expand(shape)], {});
  }
  private times(other: TensorLike, factor: Scalar | undefined): TensorLike {
    if (factor === undefined || factor === 1) return other;
    return other instanceof Tensor ? other.mul(factor) : this.like(other).mul(factor);
  }

  add(other: TensorLike, options: { alpha?: Scalar } = {}): Tensor {
    return this.binary(ops.add, this.times(other, options.alpha));
  }
  sub(other: TensorLike, options: { alpha?: Scalar } = {}): Tensor {
    return this.binary(ops.sub, this.times(other, options.alpha));
  }
  mul(other: TensorLike): Tensor {
    return this.binary(ops.mul, other);
  }
  div(other: TensorLike): Tensor {
    if (!isFloat(this.dtype))
      throw this.fail("only-for-floats", "div", this.dtype, "use floorDivide, or convert it with .float()");
    return typeof other === "number" ? this.binary(ops.mul, 1 / other) : this.binary(ops.div, other);
  }
  floorDivide(other: TensorLike): Tensor {
    return this.binary(ops.floorDivide, other);
  }
  remainder(other: TensorLike): Tensor {
    return this.binary(ops.remainder, other);
  }
  pow(exponent: TensorLike): Tensor {
    if (exponent === 2) return this.square();
    if (exponent === 0.5) return this.sqrt();
    if (exponent === -1) return this.reciprocal();
    return this.binary(ops.pow, exponent);
  }
  neg(): Tensor {
    return this.unary(ops.neg);
  }
  abs(): Tensor {
    return this.unary(ops.abs);
  }
  sign(): Tensor {
    return this.unary(ops.sign);
  }
  exp(): Tensor {
    return this.unary(ops.exp);
  }
  log(): Tensor {
    return this.unary(ops.log);
  }
  log1p(): Tensor {
    return this.unary(ops.log1p);
  }
  sqrt(): Tensor {
    return this.unary(ops.sqrt);
  }
  rsqrt(): Tensor {
    return this.unary(ops.rsqrt);
  }
  reciprocal(): Tensor {
    return this.unary(ops.reciprocal);
  }
  square(): Tensor {
    return this.unary(ops.square);
  }
  sin(): Tensor {
    return this.unary(ops.sin);
  }
  cos(): Tensor {
    return this.unary(ops.cos);
  }
  tanh(): Tensor {
    return this.unary(ops.tanh);
  }
  erf(): Tensor {
    return this.unary(ops.erf);
  }
  floor(): Tensor {
    return this.unary(ops.floor);
  }
  sigmoid(): Tensor {
    return this.unary(ops.sigmoid);
  }
  relu(): Tensor {
    return this.unary(ops.relu);
  }
  gelu(options: { approximate?: string } = {}): Tensor {
    return this.unary(options.approximate === "tanh" ? ops.geluTanh : ops.gelu);
  }
  silu(): Tensor {
    return this.unary(ops.silu);
  }
  maximum(other: TensorLike): Tensor {
    return this.binary(ops.maximum, other);
  }
  minimum(other: TensorLike): Tensor {
    return this.binary(ops.minimum, other);
  }
  clamp({ min, max }: { min?: Scalar; max?: Scalar }): Tensor {
    const lower = min === undefined ? this : this.maximum(min);
    return max === undefined ? lower : lower.minimum(max);
  }
  lerp(end: Tensor, weight: TensorLike): Tensor {
    return this.add(end.sub(this).mul(weight));
  }
  addcmul(a: Tensor, b: Tensor, options: { value?: Scalar } = {}): Tensor {
    return this.add(a.mul(b), { alpha: options.value ?? 1 });
  }
  addcdiv(a: Tensor, b: Tensor, options: { value?: Scalar } = {}): Tensor {
    return this.add(a.div(b), { alpha: options.value ?? 1 });
  }

  eq(other: TensorLike): Tensor {
    return this.binary(ops.equal, other);
  }
  ne(other: TensorLike): Tensor {
    return this.eq(other).logicalNot();
  }
  lt(other: TensorLike): Tensor {
    return this.binary(ops.less, other);
  }
  le(other: TensorLike): Tensor {
    return this.binary(ops.lessEqual, other);
  }
  gt(other: TensorLike): Tensor {
    return this.like(other).lt(this);
  }
  ge(other: TensorLike): Tensor {
    return this.like(other).le(this);
  }
  logicalAnd(other: Tensor): Tensor {
    return this.binary(ops.and, other);
  }
  logicalOr(other: Tensor): Tensor {
    return this.binary(ops.or, other);
  }
  logicalNot(): Tensor {
    return this.unary(ops.not);
  }
  maskedFill(mask: Tensor, value: Scalar): Tensor {
    return this.select3(mask, this.like(value), this);
  }
  /** `a` where `mask`, else `b`, all broadcast. */
  select3(mask: Tensor, a: Tensor, b: Tensor): Tensor {
    const shape = broadcastShapes("where", [mask.shape, a.shape, b.shape], this.tracer);
    return this.emit(ops.select, [mask.expand(shape), a.expand(shape), b.expand(shape)], {});
  }

  private reduce(op: Op<{ readonly dims: readonly number[] }>, { dim, keepdim = false }: ReduceOptions): Tensor {
    const dims = resolveDims(dim, this.ndim, this.tracer);
    const result = this.emit(op, [this], { dims });
    return keepdim ? result.view(this.shape.map((size, d) => (dims.includes(d) ? 1 : size))) : result;
  }
  sum(options: ReduceOptions = {}): Tensor {
    return this.reduce(ops.sum, options);
  }
  mean(options: ReduceOptions = {}): Tensor {
    if (!isFloat(this.dtype)) throw this.fail("only-for-floats", "mean", this.dtype, "convert it with .float() first");
    const dims = resolveDims(options.dim, this.ndim, this.tracer);
    return this.sum(options).div(dims.reduce((n, d) => n * this.shape[d]!, 1));
  }
  amax(options: ReduceOptions = {}): Tensor {
    return this.reduce(ops.max, options);
  }
  amin(options: ReduceOptions = {}): Tensor {
    return this.neg().amax(options).neg();
  }
  var({ correction = 1, ...options }: ReduceOptions & { correction?: number } = {}): Tensor {
    const dims = resolveDims(options.dim, this.ndim, this.tracer);
    const count = dims.reduce((n, d) => n * this.shape[d]!, 1);
    const centred = this.sub(this.mean({ dim: dims, keepdim: true }));
    return centred
      .square()
      .sum(options)
      .div(count - correction);
  }
  std(options: ReduceOptions & { correction?: number } = {}): Tensor {
    return this.var(options).sqrt();
  }
  norm(options: ReduceOptions = {}): Tensor {
    return this.square().sum(options).sqrt();
  }
  logsumexp({ dim, keepdim = false }: ReduceOptions): Tensor {
    const dims = resolveDims(dim, this.ndim, this.tracer);
    if (dims.length !== 1) throw this.fail("not-one-dim", "logsumexp", dims.length);
    const result = this.emit(ops.logsumexp, [this], { dim: dims[0]! });
    return keepdim ? result.unsqueeze(dims[0]!) : result;
  }
  argmax({ dim, keepdim = false }: { dim: number; keepdim?: boolean }): Tensor {
    const result = this.emit(ops.argmax, [this], { dim: this.dim(dim) });
    return keepdim ? result.unsqueeze(this.dim(dim)) : result;
  }
  softmax(dim: number): Tensor {
    return this.logSoftmax(dim).exp();
  }
  logSoftmax(dim: number): Tensor {
    return this.sub(this.logsumexp({ dim, keepdim: true }));
  }

  view(shape: readonly number[]): Tensor {
    const target = resolveShape(shape, this.shape, this.tracer);
    if (isSameShape(target, this.shape)) return this;
    let current: Tensor = this;
    for (const attrs of regroupFactors(this.shape, target)) current = current.emit(ops.regroup, [current], attrs);
    return current;
  }
  reshape(shape: readonly number[]): Tensor {
    return this.view(shape);
  }
  flatten(start = 0, end = -1): Tensor {
    const [from, to] = [this.dim(start), this.dim(end)];
    return this.view([
      ...this.shape.slice(0, from),
      numElements(this.shape.slice(from, to + 1)),
      ...this.shape.slice(to + 1),
    ]);
  }
  unflatten(dim: number, sizes: readonly number[]): Tensor {
    const at = this.dim(dim);
    const inner = resolveShape(sizes, [this.shape[at]!], this.tracer);
    return this.view([...this.shape.slice(0, at), ...inner, ...this.shape.slice(at + 1)]);
  }
  transpose(a: number, b: number): Tensor {
    const order = this.shape.map((_, d) => d);
    const [from, to] = [this.dim(a), this.dim(b)];
    [order[from], order[to]] = [order[to]!, order[from]!];
    return this.permute(order);
  }
  permute(dims: readonly number[]): Tensor {
    const order = dims.map((dim) => this.dim(dim));
    if (new Set(order).size !== this.ndim || order.length !== this.ndim)
      throw this.fail("not-a-permutation", dims, this.ndim);
    const letters = [..."abcdefghijklmnop"].slice(0, this.ndim);
    return this.emit(ops.regroup, [this], {
      factors: `${letters.join("")}->${order.map((d) => letters[d]).join("")}`,
      sizes: {},
    });
  }
  t(): Tensor {
    if (this.ndim !== 2) throw this.fail("not-a-matrix", this.shape);
    return this.transpose(0, 1);
  }
  unsqueeze(dim: number): Tensor {
    const at = resolveDim(dim, this.ndim + 1, this.tracer);
    return this.view([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }
  squeeze(dim: number): Tensor {
    const at = this.dim(dim);
    if (this.shape[at] !== 1) throw this.fail("not-size-one", dim, this.shape);
    return this.view(this.shape.filter((_, d) => d !== at));
  }
  expand(shape: readonly number[]): Tensor {
    if (isSameShape(shape, this.shape)) return this;
    const added = shape.length - this.ndim;
    if (added < 0) throw this.fail("cannot-expand", this.shape, shape);
    const target = shape.map((size, d) => (size === -1 && d >= added ? this.shape[d - added]! : size));
    const letters = [..."abcdefghijklmnop"].slice(0, target.length);
    const sizes: Record<string, number> = {};
    let inputs = "";
    const outputs = letters.map((letter, d) => {
      const own = d < added ? null : this.shape[d - added]!;
      if (own === target[d]) {
        inputs += letter;
        return letter;
      }
      if (own !== null && own !== 1) throw this.fail("cannot-expand", this.shape, shape);
      if (own === 1) {
        const single = letter.toUpperCase();
        inputs += single;
        sizes[single] = 1;
      }
      sizes[letter] = target[d]!;
      return letter;
    });
    return this.emit(ops.regroup, [this], { factors: `${inputs}->${outputs.join("")}`, sizes });
  }
  slice(dim: number, start: number, end?: number): Tensor {
    const at = this.dim(dim);
    const size = this.shape[at]!;
    const clip = (place: number): number => Math.max(0, Math.min(size, place < 0 ? place + size : place));
    const [from, to] = [clip(Number(start)), clip(end === undefined ? size : Number(end))];
    if (from === 0 && to === size) return this;
    return this.narrow(at, from, Math.max(0, to - from));
  }
  narrow(dim: number, start: number, length: number): Tensor {
    const at = this.dim(dim);
    const size = this.shape[at]!;
    if (start === 0 && length === size) return this;
    return this.emit(ops.slice, [this], { dim: at, start: Number(start), count: Number(length), step: 1, size });
  }
  select(dim: number, index: number): Tensor {
    const at = this.dim(dim);
    const place = index < 0 ? index + this.shape[at]! : index;
    return this.narrow(at, place, 1).squeeze(at);
  }
  chunk(n: number, { dim = 0 }: { dim?: number } = {}): Tensor[] {
    return this.split(Math.ceil(this.size(dim) / n), { dim });
  }
  split(sizes: number | readonly number[], { dim = 0 }: { dim?: number } = {}): Tensor[] {
    const at = this.dim(dim);
    const size = this.shape[at]!;
    const counts = Array.isArray(sizes)
      ? (sizes as number[])
      : Array.from({ length: Math.ceil(size / (sizes as number)) }, (_, i) =>
          Math.min(sizes as number, size - i * (sizes as number)),
        );
    if (counts.reduce((a, b) => a + b, 0) !== size) throw this.fail("sizes-do-not-add-up", counts, dim, size);
    let start = 0;
    return counts.map((count) => {
      start += count;
      return this.narrow(at, start - count, count);
    });
  }
  repeatInterleave(repeats: number, { dim }: { dim: number }): Tensor {
    const at = this.dim(dim);
    const wide = [...this.shape.slice(0, at + 1), repeats, ...this.shape.slice(at + 1)];
    return this.unsqueeze(at + 1)
      .expand(wide)
      .flatten(at, at + 1);
  }
  repeat(repeats: readonly number[]): Tensor {
    let current: Tensor = this;
    while (current.ndim < repeats.length) current = current.unsqueeze(0);
    repeats.forEach((n, d) => {
      if (n === 1) return;
      const wide = [...current.shape.slice(0, d), n, ...current.shape.slice(d)];
      current = current
        .unsqueeze(d)
        .expand(wide)
        .flatten(d, d + 1);
    });
    return current;
  }
  pad(widths: readonly number[], { value = 0 }: { value?: number } = {}): Tensor {
    let current: Tensor = this;
    for (let i = 0; i < widths.length; i += 2) {
      const dim = this.ndim - 1 - i / 2;
      const [before, after] = [widths[i]!, widths[i + 1]!];
      if (before === 0 && after === 0) continue;
      const count = current.shape[dim]!;
      const size = before + count + after;
      current = current.emit(ops.pad, [current], { dim, before, inner: 0, count, size, value });
    }
    return current;
  }
  contiguous(): Tensor {
    return this;
  }
  clone(): Tensor {
    return this;
  }

  matmul(other: Tensor): Tensor {
    if (!(other instanceof Tensor)) throw this.fail("matmul-of-number");
    if (this.ndim === 0 || other.ndim === 0) throw this.fail("matmul-of-scalar", this.shape, other.shape);
    if (this.ndim === 1)
      return this.unsqueeze(0)
        .matmul(other)
        .squeeze(other.ndim === 1 ? 0 : -2);
    if (other.ndim === 1) return this.matmul(other.unsqueeze(1)).squeeze(-1);
    const [inner, otherInner] = [this.shape.at(-1)!, other.shape.at(-2)!];
    if (inner !== otherInner) throw this.fail("matmul-sizes-disagree", this.shape, other.shape, inner, otherInner);
    if (this.dtype !== other.dtype)
      throw this.fail("dtypes-disagree", "matmul", showType(this.type), showType(other.type));
    const [own, others] = [this.shape.slice(0, -2), other.shape.slice(0, -2)];
    if (others.length === 0) {
      const letters = [..."abcdefgh"].slice(0, own.length).join("");
      return this.emit(ops.contract, [this, other], { factors: `${letters}mk,kn->${letters}mn` });
    }
    const batch = broadcastShapes("matmul", [own, others], this.tracer);
    const letters = [..."abcdefgh"].slice(0, batch.length).join("");
    const [a, b] = [
      this.expand([...batch, ...this.shape.slice(-2)]),
      other.expand([...batch, ...other.shape.slice(-2)]),
    ];
    return this.emit(ops.contract, [a, b], { factors: `${letters}mk,${letters}kn->${letters}mn` });
  }
  gather(dim: number, index: Tensor): Tensor {
    return this.emit(ops.gather, [this, index], { dim: this.dim(dim) });
  }
  take(index: Tensor): Tensor {
    return this.emit(ops.take, [this, index], allRows(this.shape));
  }

  to(dtype: DType): Tensor {
    return dtype === this.dtype ? this : this.emit(ops.cast, [this], { dtype });
  }
  float(): Tensor {
    return this.to("f32");
  }
  bfloat16(): Tensor {
    return this.to("bf16");
  }
  int(): Tensor {
    return this.to("i32");
  }
  bool(): Tensor {
    return this.to("bool");
  }
  detach(): Tensor {
    return this.emit(ops.stopGradient, [this], {});
  }
  item(): RunTime {
    return this.tracer.item(this);
  }
  get _value(): LogicalValue {
    return this.value;
  }
}

const isSameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, dim) => size === b[dim]);

/** What is kept between steps. Methods that end in an underscore change what it holds. */
export class MutableTensor extends Tensor {
  constructor(tracer: Tracer, type: TensorType) {
    super(tracer, { kind: "state", holder: { state: null, origin: tracer.ev.origin() } }, type);
  }
  get holder(): StateHolder {
    return (this.source as Extract<Source, { kind: "state" }>).holder;
  }
  private set(value: Tensor): this {
    this.tracer.write(this, value.expand(this.shape).to(this.dtype)._value);
    return this;
  }
  copy_(value: TensorLike): this {
    return this.set(this.like(value));
  }
  add_(other: TensorLike, options: { alpha?: Scalar } = {}): this {
    return this.set(this.add(other, options));
  }
  sub_(other: TensorLike, options: { alpha?: Scalar } = {}): this {
    return this.set(this.sub(other, options));
  }
  mul_(other: TensorLike): this {
    return this.set(this.mul(other));
  }
  div_(other: TensorLike): this {
    return this.set(this.div(other));
  }
  lerp_(end: Tensor, weight: TensorLike): this {
    return this.set(this.lerp(end, weight));
  }
  addcmul_(a: Tensor, b: Tensor, options: { value?: Scalar } = {}): this {
    return this.set(this.addcmul(a, b, options));
  }
  addcdiv_(a: Tensor, b: Tensor, options: { value?: Scalar } = {}): this {
    return this.set(this.addcdiv(a, b, options));
  }
  clamp_(options: { min?: Scalar; max?: Scalar }): this {
    return this.set(this.clamp(options));
  }
  zero_(): this {
    return this.copy_(0);
  }
  fill_(value: Scalar): this {
    return this.copy_(value);
  }
}

export class Parameter extends MutableTensor {
  requiresGrad: boolean;
  constructor(tracer: Tracer, type: TensorType, requiresGrad: boolean) {
    super(tracer, type);
    this.requiresGrad = requiresGrad;
  }
  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }
  get name(): string {
    return this.holder.state?.name ?? "";
  }
}
