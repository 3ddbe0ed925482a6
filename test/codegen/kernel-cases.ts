// Kernels for tests: made by hand, one of each kind of loops at odd sizes, and from the records of all ops.
// Long: a list.

import { numberAt } from "../../src/ir/interpret-kernel.js";
import { apply, constant, extent, index, input, type KernelBody, named } from "../../src/ir/kernel.js";
import type { Kernel, KernelOperand, ScheduledPass } from "../../src/ir/scheduled.js";
import type { DType, TensorType } from "../../src/ir/tensor-type.js";
import { describe as describeCall, type Term } from "../../src/ops/factors.js";
import { randomNumbers } from "../arrays.js";
import { inputArrays, inputTypes, cases as opCases } from "../ops/sample-inputs.js";
import type { KernelCase } from "./compile-kernels.js";

type Sizes = { readonly [letter: string]: number };

/** An operand whose dims are these letters, row-major; `strides` override. */
export function operand(
  name: string,
  dtype: DType,
  role: KernelOperand["role"],
  letters: string,
  sizes: Sizes,
  atShape: readonly number[] = [],
): KernelOperand {
  const strides: { [letter: string]: readonly number[] } = {};
  let stride = 1;
  for (const letter of [...letters].reverse()) {
    strides[letter] = [stride];
    stride *= sizes[letter]!;
  }
  const atStrides = atShape.map((_, d) => [atShape.slice(d + 1).reduce((a, b) => a * b, 1)]);
  return { name, dtype, role, strides, atStrides };
}

const letters = (list: string, sizes: Sizes): Kernel["outer"] =>
  [...list].map((letter) => ({ letter, size: [sizes[letter]!] }));

interface Made {
  readonly name: string;
  readonly sizes: Sizes;
  readonly outer: string;
  readonly inner?: string;
  /** `x:f32:ab`, written ones with `>` in front, both with `=`; at-reads `w:f32:[5,3]`. */
  readonly operands: readonly string[];
  readonly numbers?: { readonly [name: string]: number };
  readonly passes: readonly ScheduledPass[];
  /** Where an operand's numbers come from, if not from -1 to 1. */
  readonly fill?: { readonly [operand: number]: (i: number, random: () => number) => number };
}

/** A kernel and memory for it. */
export function makeCase({ name, sizes, outer, inner = "", operands, numbers = {}, passes, fill }: Made): KernelCase {
  const made = operands.map((text) => {
    const [, sign, operandName, dtype, places] = /^([>=]?)(\w+):(\w+):(.*)$/.exec(text)!;
    const role = sign === ">" ? "write" : sign === "=" ? "both" : "read";
    const shape = places!.startsWith("[") ? (JSON.parse(places!) as number[]) : [];
    const own = places!.startsWith("[") ? "" : places!;
    const count = [...own].reduce((n, letter) => n * sizes[letter]!, 1) * shape.reduce((a, b) => a * b, 1);
    return { count, operand: operand(operandName!, dtype as DType, role, own, sizes, shape) };
  });
  const kernel: Kernel = {
    name,
    outer: letters(outer, sizes),
    inner: letters(inner, sizes),
    operands: made.map((each) => each.operand),
    numbers: Object.entries(numbers).map(([key, value]) => ({
      name: key,
      value: { kind: "amount", amount: [value] } as const,
    })),
    passes,
    from: [],
  };
  const random = randomNumbers(made.length * 31 + name.length);
  const memory = made.map(({ count, operand: { dtype, role } }, k) =>
    Float64Array.from({ length: count }, (_, i) => {
      if (role === "write") return 0;
      const value =
        fill?.[k]?.(i, random) ??
        (dtype === "f32" || dtype === "bf16"
          ? 2 * random() - 1
          : Math.floor(3 * random()) % (dtype === "bool" ? 2 : 3));
      return dtype === "f32" ? Math.fround(value) : value;
    }),
  );
  return { kernel, memory };
}

const store = (place: number, value: Parameters<typeof apply>[1], over: "outer" | "all" = "outer"): ScheduledPass => ({
  kind: "store",
  operand: place,
  over,
  value,
});
const sum = (name: string, of: Parameters<typeof apply>[1]): ScheduledPass => ({ kind: "reduce", name, by: "sum", of });
const max = (name: string, of: Parameters<typeof apply>[1]): ScheduledPass => ({ kind: "reduce", name, by: "max", of });
const define = (name: string, value: Parameters<typeof apply>[1]): ScheduledPass => ({ kind: "let", name, value });

const half = apply("mul", apply("mul", constant(0.5), input(0)), apply("add", constant(1), apply("tanh", input(0))));
const softmaxPasses = (output: number): readonly ScheduledPass[] => {
  const power = apply("exp", apply("sub", input(0), named("largest")));
  return [
    max("largest", input(0)),
    sum("total", power),
    store(output, apply("div", power, named("total")), "all"),
    store(output + 1, apply("add", named("largest"), apply("log", named("total")))),
  ];
};
const normPasses = (letter: string): readonly ScheduledPass[] => {
  const centred = apply("sub", input(0), named("mean"));
  return [
    sum("total", input(0)),
    define("mean", apply("div", named("total"), extent(letter))),
    sum("squares", apply("mul", centred, centred)),
    define("rstd", apply("rsqrt", apply("add", apply("div", named("squares"), extent(letter)), constant(1e-5)))),
    store(1, apply("mul", centred, named("rstd")), "all"),
    store(2, named("rstd")),
  ];
};
const special = (i: number, random: () => number): number =>
  i % 97 === 5 ? Number.NaN : i % 101 === 7 ? Number.NEGATIVE_INFINITY : 8 * random() - 4;

/** One of each kind of loops, at sizes that are no multiples of anything. */
export const handMadeCases: readonly KernelCase[] = [
  makeCase({
    name: "flat",
    sizes: { a: 7, b: 5003 },
    outer: "ab",
    operands: ["x:f32:ab", ">y:bf16:ab"],
    passes: [store(1, half)],
  }),
  makeCase({
    name: "specialNumbers",
    sizes: { a: 1009 },
    outer: "a",
    operands: ["x:f32:a", "z:f32:a", ">y:f32:a", ">c:bool:a"],
    passes: [
      store(2, apply("max", apply("min", input(0), constant(2)), input(1))),
      store(3, apply("or", apply("less", input(0), input(1)), apply("not", apply("equal", input(0), input(0))))),
    ],
    fill: { 0: special, 1: (i, random) => special(i + 50, random) },
  }),
  makeCase({
    name: "transposedWithBias",
    sizes: { a: 33, b: 77 },
    outer: "ab",
    operands: ["x:bf16:ba", "bias:f32:b", ">y:f32:ab"],
    passes: [store(2, apply("add", input(0), input(1)))],
  }),
  makeCase({
    name: "heads",
    sizes: { b: 3, t: 17, h: 4, d: 9 },
    outer: "bhtd",
    operands: ["x:f32:bthd", ">y:f32:bhtd"],
    passes: [store(1, input(0))],
  }),
  makeCase({
    name: "fewLongRows",
    sizes: { a: 3, b: 20011 },
    outer: "ab",
    operands: ["x:f32:ab", "bias:f32:b", ">y:f32:ab"],
    passes: [store(2, apply("mul", input(0), input(1)))],
  }),
  makeCase({
    name: "inPlace",
    sizes: { a: 4001 },
    outer: "a",
    operands: ["=p:f32:a", "=m:f32:a", "g:f32:a"],
    passes: [
      define("mNext", apply("add", apply("mul", constant(0.9), input(1)), apply("mul", constant(0.1), input(2)))),
      store(1, named("mNext")),
      store(0, apply("sub", input(0), apply("mul", constant(0.01), named("mNext")))),
    ],
  }),
  makeCase({
    name: "normInPlace",
    sizes: { a: 5, c: 33 },
    outer: "a",
    inner: "c",
    operands: ["=x:f32:ac", ">total:f32:a", ">squares:f32:a"],
    passes: [
      sum("total", input(0)),
      store(0, apply("sub", input(0), apply("div", named("total"), extent("c"))), "all"),
      sum("squares", apply("mul", input(0), input(0))),
      store(1, named("total")),
      store(2, named("squares")),
    ],
  }),
  makeCase({
    name: "take",
    sizes: { n: 13, d: 37 },
    outer: "nd",
    operands: ["w:f32:[5,37]", "indices:i32:n", ">y:f32:nd"],
    passes: [
      store(
        2,
        apply(
          "select",
          apply("and", apply("lessEqual", constant(0), input(1)), apply("less", input(1), constant(5))),
          input(0, [input(1), index("d")]),
          constant(0),
        ),
      ),
    ],
    fill: { 1: (i) => (i === 3 ? -1 : i === 4 ? 5 : i % 5) },
  }),
  makeCase({
    // The last row of the result has no counterpart: a read of it would be outside.
    name: "padRows",
    sizes: { z: 7, c: 37 },
    outer: "zc",
    operands: ["x:f32:[6,37]", ">y:f32:zc"],
    passes: [
      store(
        1,
        apply("select", apply("less", index("z"), constant(6)), input(0, [index("z"), index("c")]), constant(0)),
      ),
    ],
  }),
  makeCase({
    name: "norm",
    sizes: { a: 4, b: 5, c: 77 },
    outer: "ab",
    inner: "c",
    operands: ["x:f32:abc", ">y:f32:abc", ">rstd:f32:ab"],
    passes: normPasses("c"),
  }),
  makeCase({
    name: "normOfBf16",
    sizes: { a: 40, c: 129 },
    outer: "a",
    inner: "c",
    operands: ["x:bf16:ac", ">y:bf16:ac", ">rstd:f32:a"],
    passes: normPasses("c"),
  }),
  makeCase({
    name: "softmaxOfSpecialNumbers",
    sizes: { a: 19, c: 53 },
    outer: "a",
    inner: "c",
    operands: ["x:f32:ac", ">y:f32:ac", ">lse:f32:a"],
    passes: softmaxPasses(1),
    fill: { 0: (i, random) => (i % 53 === 5 && i > 500 ? special(5, random) : 10 * random() - 5) },
  }),
  makeCase({
    name: "softmaxOfLongRows",
    sizes: { a: 3, c: 50257 },
    outer: "a",
    inner: "c",
    operands: ["x:f32:ac", ">y:f32:ac", ">lse:f32:a"],
    passes: softmaxPasses(1),
  }),
  makeCase({
    name: "crossEntropy",
    sizes: { n: 9, v: 1013 },
    outer: "n",
    inner: "v",
    operands: ["x:f32:nv", "targets:i32:n", ">loss:f32:n"],
    numbers: { start: 7 },
    passes: [
      max("largest", input(0)),
      sum("total", apply("exp", apply("sub", input(0), named("largest")))),
      sum(
        "picked",
        apply(
          "select",
          apply("equal", apply("add", index("v"), { kind: "attribute", path: "start" }), input(1)),
          input(0),
          constant(0),
        ),
      ),
      store(
        2,
        apply(
          "select",
          apply("equal", input(1), constant(-100)),
          constant(0),
          apply("sub", apply("add", named("largest"), apply("log", named("total"))), named("picked")),
        ),
      ),
    ],
    fill: { 1: (i) => (i === 2 ? -100 : 7 + 111 * i) },
  }),
  makeCase({
    name: "argmax",
    sizes: { a: 12, c: 301 },
    outer: "a",
    inner: "c",
    operands: ["x:f32:ac", ">y:i32:a"],
    passes: [
      max("largest", input(0)),
      max(
        "place",
        apply("select", apply("equal", input(0), named("largest")), apply("neg", index("c")), constant(-2147483648)),
      ),
      store(1, apply("neg", named("place"))),
    ],
  }),
  makeCase({
    name: "wholeSum",
    sizes: { a: 101, b: 1003 },
    outer: "",
    inner: "ab",
    operands: ["x:f32:ab", ">y:f32:"],
    passes: [sum("total", apply("mul", input(0), input(0))), store(1, apply("sqrt", named("total")))],
  }),
  makeCase({
    name: "smallSum",
    sizes: { a: 101 },
    outer: "",
    inner: "a",
    operands: ["x:f32:a", ">y:f32:"],
    passes: [sum("total", input(0)), store(1, named("total"))],
  }),
  makeCase({
    name: "biasGradient",
    sizes: { n: 1001, d: 77 },
    outer: "d",
    inner: "n",
    operands: ["g:f32:nd", "y:bf16:nd", ">bias:f32:d", ">weight:f32:d"],
    passes: [
      sum("total", input(0)),
      sum("product", apply("mul", input(0), input(1))),
      store(2, named("total")),
      store(3, named("product")),
    ],
  }),
  makeCase({
    name: "activationAndBiasGradient",
    sizes: { n: 1001, d: 77 },
    outer: "d",
    inner: "n",
    operands: ["x:f32:nd", "=g:f32:nd", ">bias:f32:d"],
    passes: (() => {
      const product = apply("mul", input(1), apply("cos", input(0)));
      return [sum("total", product), store(1, product, "all"), store(2, named("total"))];
    })(),
  }),
  makeCase({
    name: "sumOfPaddedRows",
    sizes: { a: 9, z: 32, c: 77 },
    outer: "c",
    inner: "az",
    operands: ["x:f32:[9,31,77]", ">y:f32:c"],
    passes: [
      sum(
        "total",
        apply(
          "select",
          apply("less", index("z"), constant(31)),
          input(0, [index("a"), index("z"), index("c")]),
          constant(0),
        ),
      ),
      store(1, named("total")),
    ],
  }),
  makeCase({
    name: "sumOfFewRows",
    sizes: { b: 3, t: 41, d: 129 },
    outer: "td",
    inner: "b",
    operands: ["g:f32:btd", ">y:f32:td"],
    passes: [sum("total", input(0)), store(1, named("total"))],
  }),
  makeCase({
    name: "normOfColumns",
    sizes: { a: 5, b: 31, c: 45 },
    outer: "ac",
    inner: "b",
    operands: ["x:f32:abc", ">y:f32:abc", ">rstd:f32:ac"],
    passes: normPasses("b"),
  }),
  makeCase({
    name: "softmaxOfColumns",
    sizes: { b: 67, c: 35 },
    outer: "c",
    inner: "b",
    operands: ["x:f32:bc", ">y:f32:bc", ">lse:f32:c"],
    passes: softmaxPasses(1),
    fill: { 0: (i, random) => (i === 70 ? Number.NaN : 10 * random() - 5) },
  }),
  makeCase({
    name: "maximaOfColumns",
    sizes: { b: 2003, c: 19 },
    outer: "c",
    inner: "b",
    operands: ["x:f32:bc", ">y:f32:c"],
    passes: [max("largest", input(0)), store(1, named("largest"))],
    fill: { 0: (i, random) => (i === 600 ? Number.NaN : random()) },
  }),
  makeCase({
    name: "countOfMask",
    sizes: { a: 9, c: 100 },
    outer: "a",
    inner: "c",
    operands: ["x:bool:ac", ">y:i32:a"],
    passes: [sum("count", input(0)), store(1, named("count"))],
  }),
  makeCase({
    name: "oneElement",
    sizes: { a: 1, c: 1 },
    outer: "a",
    inner: "c",
    operands: ["x:f32:ac", ">y:f32:a"],
    passes: [sum("total", input(0)), store(1, apply("div", named("total"), extent("c")))],
  }),
  makeCase({
    name: "random",
    sizes: { a: 100, b: 37 },
    outer: "ab",
    operands: ["step:i32:", ">u:f32:ab", ">n:f32:ab"],
    passes: [1, 2].map((k) =>
      store(
        k,
        apply(
          k === 1 ? "randomUniform" : "randomNormal",
          constant(4000000000),
          input(0),
          constant(3),
          apply("add", apply("mul", index("a"), constant(37)), index("b")),
        ),
      ),
    ),
  }),
];

/** The kernel of an op's own loops, with operands in row-major order. */
function kernelOfBody(
  name: string,
  body: KernelBody,
  terms: { readonly inputs: readonly Term[]; readonly outputs: readonly Term[] },
  sizes: Sizes,
  attrs: unknown,
  types: { readonly inputs: readonly TensorType[]; readonly outputs: readonly TensorType[] },
): Kernel {
  const numInputs = terms.inputs.length;
  const paths = new Set<string>();
  JSON.stringify(body, (_, value) => {
    if (value?.kind === "attribute") paths.add(value.path);
    return value;
  });
  const one = (
    term: Term,
    operandName: string,
    { shape, dtype }: TensorType,
    role: "read" | "write",
  ): KernelOperand => {
    // Letters may be shorter here than elsewhere.
    const own = Object.fromEntries(term.flatMap((dim, d) => (dim.length === 1 ? [[dim[0]!, shape[d]!]] : [])));
    return operand(operandName, dtype, role, term.flat().join(""), { ...sizes, ...own }, role === "read" ? shape : []);
  };
  return {
    name,
    outer: letters(body.outer.join(""), sizes),
    inner: letters(body.inner.join(""), sizes),
    operands: [
      ...terms.inputs.map((term, i) => one(term, `x${i}`, types.inputs[i]!, "read")),
      ...terms.outputs.map((term, o) => one(term, `y${o}`, types.outputs[o]!, "write")),
    ],
    numbers: [...paths].map((path) => ({
      name: path,
      value: { kind: "amount", amount: [numberAt(attrs, path)] } as const,
    })),
    passes: body.passes.map((pass) =>
      pass.kind === "store"
        ? { kind: "store", operand: numInputs + pass.output, over: pass.over, value: pass.value }
        : pass,
    ),
    from: [],
  };
}

/** Every record that is lowered to loops, with each of its samples. */
export const recordCases: readonly KernelCase[] = opCases.flatMap(({ op, sample, title }) => {
  const types = inputTypes(op, sample);
  const { factors, sizes, outputTypes } = describeCall(op, types, sample.attrs);
  const lowering = op.lower(types, outputTypes, sample.attrs);
  if (lowering.kind !== "loops") return [];
  const kernel = kernelOfBody(title, lowering.body, factors, Object.fromEntries(sizes), sample.attrs, {
    inputs: types,
    outputs: outputTypes,
  });
  const memory = [
    ...inputArrays(sample, 1).map(({ data }, i) => (types[i]!.dtype === "f32" ? data.map(Math.fround) : data)),
    ...outputTypes.map(({ shape }) => new Float64Array(shape.reduce((a, b) => a * b, 1))),
  ];
  return [{ kernel, memory }];
});
