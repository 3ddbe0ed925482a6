// A tiny scheduled program: three layers x = tanh(x w) in a loop, the mean of x² as loss, one step of descent along
// random directions over a table of tensors. Its host code runs both graphs and prints.
import type { HostExpression, HostStatement, HostVariable } from "../../src/ir/host.js";
import { apply, constant, index, input, named, type Scalar } from "../../src/ir/kernel.js";
import type { Origin } from "../../src/ir/origin.js";
import { wholePlacement } from "../../src/ir/placement.js";
import type { Buffer, CallLaunch, Kernel, LaunchOrigin, Place, ScheduledProgram } from "../../src/ir/scheduled.js";
import type { State } from "../../src/ir/state.js";
import { handMadeProgram } from "./hand-made-program.js";
import { operand } from "./kernel-cases.js";

const numLayers = 3;
const numRows = 4;
const width = 8;

const place = (line: number): Origin => ({
  place: { file: "counting.ts", start: 0, end: 0, line, column: 1 },
  inside: "Net.forward",
  caller: null,
});
const from = (op: string, scope: string, line: number): LaunchOrigin => ({
  op,
  scope,
  phase: "forward",
  origin: place(line),
});

const weights = Array.from({ length: numLayers }, (_, layer): State => {
  const name = `model.layers.${layer}.weight`;
  const type = { shape: [width, width], dtype: "f32" } as const;
  return { kind: "parameter", name, paths: [name], type, of: null, trainable: true, origin: null };
});
const weightBuffers = weights.map(
  (state, layer): Buffer => ({
    kind: "buffer",
    name: state.name,
    dtype: "f32",
    numElements: [width * width],
    home: { kind: "state", state, offset: [layer * width * width * 4] },
  }),
);
const arenaBuffer = (name: string, offset: number, count: number): Buffer => ({
  kind: "buffer",
  name,
  dtype: "f32",
  numElements: [count],
  home: { kind: "arena", offset: [offset] },
});
const rate: Buffer = {
  kind: "buffer",
  name: "lr",
  dtype: "f32",
  numElements: [1],
  home: { kind: "scalar", name: "lr" },
};
const loss: Buffer = {
  kind: "buffer",
  name: "loss",
  dtype: "f32",
  numElements: [1],
  home: { kind: "result", name: "loss" },
};

const sizes = { a: numRows, b: width };
const kernel = (
  name: string,
  outer: string,
  inner: string,
  operands: Kernel["operands"],
  passes: Kernel["passes"],
  origin: LaunchOrigin,
  letterSizes: { readonly [letter: string]: number } = sizes,
): Kernel => ({
  name,
  outer: [...outer].map((letter) => ({ letter, size: [letterSizes[letter]!] })),
  inner: [...inner].map((letter) => ({ letter, size: [letterSizes[letter]!] })),
  operands,
  numbers: [],
  passes,
  from: [origin],
});
const store = (to: number, value: Scalar): Kernel["passes"][number] => ({
  kind: "store",
  operand: to,
  over: "outer",
  value,
});
const at = (each: Place, offset = 0) => ({ place: each, offset: [offset] });

const fillStart = kernel(
  "start",
  "ab",
  "",
  [operand("x", "f32", "write", "ab", sizes)],
  [store(0, apply("sin", apply("add", apply("mul", index("a"), constant(width)), index("b"))))],
  from("iota", "model", 3),
);
const tanh = kernel(
  "tanh",
  "ab",
  "",
  [operand("h", "f32", "read", "ab", sizes), operand("x", "f32", "write", "ab", sizes)],
  [store(1, apply("tanh", input(0)))],
  from("tanh", "model.layers.*", 5),
);
const meanSquare = kernel(
  "meanSquare",
  "",
  "ab",
  [operand("x", "f32", "read", "ab", sizes), operand("loss", "f32", "write", "", sizes)],
  [
    { kind: "reduce", name: "total", by: "sum", of: apply("mul", input(0), input(0)) },
    store(1, apply("div", named("total"), constant(numRows * width))),
  ],
  from("mean", "", 8),
);
const rowSizes = { n: width * width };
const descend = kernel(
  "descend",
  "n",
  "",
  [operand("w", "f32", "both", "n", rowSizes), operand("lr", "f32", "read", "", rowSizes)],
  [
    store(
      0,
      apply(
        "sub",
        input(0),
        apply("mul", input(1), apply("randomUniform", constant(7), constant(0), constant(0), index("n"))),
      ),
    ),
  ],
  from("sub", "optimizer", 10),
  rowSizes,
);

const x = arenaBuffer("x", 0, numRows * width);
const hidden = arenaBuffer("h", 128, numRows * width);
const matmul = (weight: Place): CallLaunch => ({
  kind: "call",
  symbol: "matmul",
  sizes: Object.entries({ batch: 1, m: numRows, n: width, k: width }).map(([group, size]) => ({ group, size: [size] })),
  operands: (
    [
      ["a", "read", x, { Batch: 0, M: width, K: 1 }],
      ["b", "read", weight, { Batch: 0, K: width, N: 1 }],
      ["c", "write", hidden, { Batch: 0, M: width, N: 1 }],
    ] as const
  ).map(([name, role, memory, strides]) => ({
    name,
    dtype: "f32",
    role,
    place: memory,
    offset: [0],
    strides: Object.entries(strides).map(([group, stride]) => ({ group: group.toLowerCase(), stride: [stride] })),
  })),
  options: [
    { name: "inputs", value: "f32" },
    { name: "output", value: "f32" },
  ],
  workspace: null,
  from: from("contract", "model.layers.*", 5),
});

const literal = (value: number | string): HostExpression => ({ kind: "literal", value });
const lossVariable: HostVariable = { name: "loss", type: "tensor", kept: false, initial: null };
const print: HostStatement = {
  kind: "print",
  isLine: true,
  parts: [literal("loss"), { kind: "toFixed", value: { kind: "item", tensor: lossVariable }, digits: 5 }],
  origin: null,
};
const run = (graph: string, result: boolean): HostStatement => ({
  kind: "run",
  graph,
  batch: null,
  scalars: result ? [] : [{ name: "lr", value: literal(0.5) }],
  tensors: [],
  results: result ? [{ name: "loss", variable: lossVariable }] : [],
  origin: null,
});

const variant = {
  degrees: { pp: 1, dpReplicate: 1, dpShard: 1, microbatch: 1, cp: 1, tp: 1 },
  areas: [{ stateBytes: numLayers * width * width * 4, arenaBytes: 256, offloadedBytes: 0 }],
};

export const handMadeScheduled: ScheduledProgram = {
  level: "scheduled",
  program: {
    ...handMadeProgram,
    mesh: { degrees: variant.degrees },
    states: weights,
    plan: handMadeProgram.plan,
    variables: [],
    main: [run("update", false), run("forward", true), print],
  },
  variants: [variant],
  states: weights.map((state, layer) => ({
    state,
    buffer: weightBuffers[layer]!,
    localShapes: [state.type.shape],
    rest: wholePlacement(2),
    isOffloaded: false,
  })),
  graphs: new Map([
    [
      "forward",
      {
        name: "forward",
        buffers: [x, hidden, loss, ...weightBuffers],
        launches: [
          { kind: "kernel", kernel: fillStart, operands: [at(x)] },
          {
            kind: "loop",
            loop: 0,
            count: numLayers,
            name: "layers",
            phase: "forward",
            body: [
              matmul({ kind: "rounds", loop: 0, items: weightBuffers }),
              { kind: "kernel", kernel: tanh, operands: [at(hidden), at(x)] },
            ],
          },
          { kind: "kernel", kernel: meanSquare, operands: [at(x), at(loss)] },
          ...weights.map((state, layer) => ({
            kind: "observe" as const,
            label: state.name,
            view: { place: weightBuffers[layer]!, offset: [0], strides: [[width], [1]] },
            shape: state.type.shape,
            placement: wholePlacement(2),
            dtype: "f32" as const,
          })),
        ],
        batchFields: [],
        scalars: [],
        tensors: [],
        results: [{ name: "loss", buffer: loss, shape: [] }],
      },
    ],
    [
      "update",
      {
        name: "update",
        buffers: weightBuffers,
        launches: [
          {
            kind: "table",
            kernel: descend,
            rows: weightBuffers.map((buffer) => ({ size: [width * width], operands: [at(buffer), at(rate)] })),
          },
        ],
        batchFields: [],
        scalars: [{ name: "lr", dtype: "f32" }],
        tensors: [],
        results: [],
      },
    ],
  ]),
};
