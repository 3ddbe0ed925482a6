// The meaning of the functions on tensors that the library declares: creation, joining, random numbers, layers' kernels.
import type { DType } from "../../../ir/tensor-type.js";
import { iotaAttributes } from "../../../ops/creation.js";
import { parseFactors } from "../../../ops/factors.js";
import { allRows } from "../../../ops/lookup.js";
import type { Op } from "../../../ops/op.js";
import { randomAttributes } from "../../../ops/random.js";
import * as ops from "../../../ops/table.js";
import type { Scalar } from "../run-time.js";
import { resolveDim } from "./shapes.js";
import { Tensor, type TensorLike } from "./tensor.js";
import type { Tracer } from "./tracer.js";

interface CreateOptions {
  readonly dtype?: DType;
}
interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}
const dense = (shape: readonly number[]): number[] => shape.map(Number);

export function tensorFunctions(tracer: Tracer): { readonly [name: string]: unknown } {
  const emit = <A>(op: Op<A>, inputs: readonly Tensor[], attrs: NoInfer<A>): Tensor[] => {
    const values = inputs.map((tensor) => tracer.valueOf(tensor));
    return tracer.emit(op, values, attrs).map((value) => tracer.tensor(value));
  };

  const full = (shape: readonly number[], value: Scalar, { dtype = "f32" }: CreateOptions = {}): Tensor => {
    const sizes = dense(shape);
    if (typeof value === "object") return tracer.tensor(tracer.scalarLike(value, { shape: sizes, dtype }));
    return emit(ops.constant, [], { shape: sizes, dtype, value: Number(value) })[0]!;
  };
  const arange = (...args: unknown[]): Tensor => {
    const options = (
      typeof args.at(-1) === "object" && args.at(-1) !== null && Symbol.toPrimitive in (args.at(-1) as object) === false
        ? args.pop()
        : {}
    ) as CreateOptions & { step?: number };
    const [start, end] = (args.length === 1 ? [0, args[0]] : args).map(Number) as [number, number];
    const { step = 1, dtype = "i32" } = options;
    const count = Math.max(0, Math.ceil((end - start) / step));
    return emit(ops.iota, [], iotaAttributes({ shape: [count], dtype, dim: 0, start, step }))[0]!;
  };
  const cat = (tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor => {
    const [first] = tensors;
    if (!first) throw tracer.ev.fail("cat-of-nothing");
    const at = resolveDim(dim, first.ndim, tracer);
    if (tensors.length === 1) return first;
    for (const other of tensors)
      if (other.ndim !== first.ndim || other.shape.some((size, d) => d !== at && size !== first.shape[d]))
        throw tracer.ev.fail(
          "cat-sizes-disagree",
          dim,
          tensors.map(({ shape }) => shape),
        );
    if (tensors.length > 26) {
      const groups = Array.from({ length: Math.ceil(tensors.length / 26) }, (_, i) =>
        cat(tensors.slice(i * 26, i * 26 + 26), { dim: at }),
      );
      return cat(groups, { dim: at });
    }
    return emit(ops.concat, tensors, { dim: at, counts: tensors.map(({ shape }) => shape[at]!) })[0]!;
  };
  const triangle =
    (keepsLower: boolean) =>
    (x: Tensor, { diagonal = 0 }: { diagonal?: number } = {}): Tensor => {
      const [rows, columns] = [x.size(-2), x.size(-1)];
      const row = arange(rows).unsqueeze(1).expand([rows, columns]);
      const column = arange(columns).unsqueeze(0).expand([rows, columns]).sub(diagonal);
      const keeps = keepsLower ? column.le(row) : row.le(column);
      return x.select3(keeps, x, x.like(0));
    };
  const random = (op: typeof ops.randomUniform, shape: readonly number[]): Tensor => {
    const { stream, round } = tracer.randomPlace();
    const { segment } = tracer;
    const step =
      typeof tracer.randomStep === "number"
        ? segment.number(tracer.randomStep, "i32")
        : tracer.valueOf(tracer.tensor(tracer.scalarLike(tracer.randomStep, { shape: [], dtype: "i32" })));
    return tracer.tensor(
      tracer.emit(op, [step, segment.number(round, "i32")], randomAttributes(dense(shape), stream))[0]!,
    );
  };
  const rand = (shape: readonly number[]): Tensor => random(ops.randomUniform, shape);
  const operand = (value: TensorLike, like: Tensor): Tensor => (value instanceof Tensor ? value : like.like(value, []));

  return {
    full,
    zeros: (shape: readonly number[], options?: CreateOptions) => full(shape, 0, options),
    ones: (shape: readonly number[], options?: CreateOptions) => full(shape, 1, options),
    fullLike: (x: Tensor, value: Scalar) => x.like(value),
    zerosLike: (x: Tensor) => x.like(0),
    onesLike: (x: Tensor) => x.like(1),
    arange,
    linspace: (start: number, end: number, count: number) =>
      emit(
        ops.iota,
        [],
        iotaAttributes({
          shape: [Number(count)],
          dtype: "f32",
          dim: 0,
          start,
          step: (end - start) / Math.max(1, count - 1),
        }),
      )[0]!,
    eye: (n: number, { dtype = "f32" }: CreateOptions = {}) =>
      arange(n).unsqueeze(1).eq(arange(n).unsqueeze(0)).to(dtype),
    tensor: (values: unknown, { dtype = "f32" }: CreateOptions = {}) => {
      const shape: number[] = [];
      for (let at = values; Array.isArray(at); at = at[0]) shape.push(at.length);
      const flat = (Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [values]).map(Number);
      return emit(ops.table, [], { shape, dtype, values: flat })[0]!;
    },
    tril: triangle(true),
    triu: triangle(false),
    cat,
    stack: (tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}) => {
      const at = resolveDim(dim, (tensors[0]?.ndim ?? 0) + 1, tracer);
      return cat(
        tensors.map((each) => each.unsqueeze(at)),
        { dim: at },
      );
    },
    where: (condition: Tensor, a: TensorLike, b: TensorLike) => {
      const like = a instanceof Tensor ? a : b instanceof Tensor ? b : full([], 0);
      return like.select3(condition, operand(a, like), operand(b, like));
    },
    einsum: (equation: string, ...operands: Tensor[]) => einsum(equation, operands),
    rand,
    randn: (shape: readonly number[]) => random(ops.randomNormal, shape),
    randint: (low: number, high: number, shape: readonly number[]) =>
      rand(shape)
        .mul(high - low)
        .floor()
        .to("i32")
        .add(low),
    noGrad: (body: () => unknown) => {
      const before = tracer.isConstant;
      tracer.isConstant = true;
      try {
        return body();
      } finally {
        tracer.isConstant = before;
      }
    },
    embeddingLookup: (weight: Tensor, indices: Tensor) => emit(ops.take, [weight, indices], allRows(weight.shape))[0]!,
    normalizeLayer: (x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number) => {
      const y = emit(ops.layerNorm, [x], { eps: Number(eps) })[0]!;
      const scaled = weight ? y.mul(weight) : y;
      return bias ? scaled.add(bias) : scaled;
    },
    normalizeRms: (x: Tensor, weight: Tensor | null, eps: number) => {
      const y = emit(ops.rmsNorm, [x], { eps: Number(eps) })[0]!;
      return weight ? y.mul(weight) : y;
    },
    crossEntropyRows: (logits: Tensor, targets: Tensor, { ignoreIndex }: { ignoreIndex: number }) => {
      const name = tracer.logitsMark;
      const rows = name === null ? logits : emit(ops.mark, [logits], { name })[0]!;
      return emit(ops.crossEntropy, [rows, targets], { ignoreIndex: Number(ignoreIndex), start: 0 })[0]!;
    },
    attend: (query: Tensor, key: Tensor, value: Tensor, { scale, isCausal }: { scale: number; isCausal: boolean }) =>
      emit(ops.attention, [query, key, value], {
        scale: Number(scale),
        isCausal: Boolean(isCausal),
        share: query.size(1) / key.size(1),
      })[0]!,
    dropElements: (x: Tensor, p: Scalar) => {
      const keeps = rand(x.shape);
      const kept = keeps.like(p).le(keeps);
      const scale = keeps.like(1).div(keeps.like(1).sub(keeps.like(p)));
      return x.mul(kept.to(x.dtype).mul(scale.to(x.dtype)));
    },
    convolve,
    patches: (x: Tensor, window: Window, { fill }: { fill: number }) => patchesOf(x, window, fill),
  };

  function patchesOf(x: Tensor, { kernel, stride, padding, dilation }: Window, fill: number): Tensor {
    if (x.ndim !== 4) throw tracer.ev.fail("not-a-picture", x.shape);
    const pair = (values: readonly [number, number]): readonly [number, number] => [
      Number(values[0]),
      Number(values[1]),
    ];
    const attrs = {
      kernel: pair(kernel),
      stride: pair(stride),
      padding: pair(padding),
      dilation: pair(dilation),
      fill: Number(fill),
      picture: [x.size(2), x.size(3)] as const,
    };
    return emit(ops.patches, [x], attrs)[0]!;
  }

  function convolve(x: Tensor, weight: Tensor, options: Omit<Window, "kernel"> & { readonly groups: number }): Tensor {
    const { groups } = options;
    if (x.ndim !== 4 || weight.ndim !== 4 || x.size(1) !== weight.size(1) * groups || weight.size(0) % groups !== 0)
      throw tracer.ev.fail("convolution-does-not-fit", x.shape, weight.shape, groups);
    const p = patchesOf(x, { ...options, kernel: [weight.size(2), weight.size(3)] }, 0);
    if (groups === 1) return emit(ops.contract, [weight, p], { factors: "ocij,bcijyz->boyz" })[0]!;
    const wide = p.unflatten(1, [groups, -1]);
    const parts = emit(ops.contract, [weight.unflatten(0, [groups, -1]), wide], {
      factors: "gocij,bgcijyz->bgoyz",
    })[0]!;
    return parts.flatten(1, 2);
  }

  /** Letters of one operand alone that the result lacks are summed first. */
  function einsum(equation: string, operands: readonly Tensor[]): Tensor {
    const text = equation.replaceAll(" ", "");
    const { inputs, outputs } = parseFactors(text.includes("->") ? text : `${text}->`);
    if (operands.length < 1 || operands.length > 2 || inputs.length !== operands.length)
      throw tracer.ev.fail("einsum-operands", equation, operands.length);
    const out = outputs[0]!.flat();
    const terms = inputs.map((term) => term.flat());
    terms.forEach((term, i) => {
      if (term.length !== operands[i]!.ndim)
        throw tracer.ev.fail("einsum-letters", equation, term.join(""), operands[i]!.shape);
    });
    const reduced = operands.map((tensor, i) => {
      const alone = terms[i]!.flatMap((letter, d) =>
        out.includes(letter) || terms.some((other, j) => j !== i && other.includes(letter)) ? [] : [d],
      );
      return {
        tensor: alone.length > 0 ? tensor.sum({ dim: alone }) : tensor,
        term: terms[i]!.filter((_, d) => !alone.includes(d)),
      };
    });
    const [a, b] = reduced as [(typeof reduced)[0], (typeof reduced)[0] | undefined];
    if (!b) return a.tensor.permute(out.map((letter) => a.term.indexOf(letter)));
    return emit(ops.contract, [a.tensor, b.tensor], {
      factors: `${a.term.join("")},${b.term.join("")}->${out.join("")}`,
    })[0]!;
  }
}
