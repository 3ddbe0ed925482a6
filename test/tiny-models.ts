// Small training programs built by hand, for tests of passes: a transformer whose blocks are a repeat, and its updates.
import { type BlockBuilder, GraphBuilder, type StepPlace } from "../src/ir/build.js";
import type { LogicalGraph, LogicalValue } from "../src/ir/graph.js";
import type { Loader, Program } from "../src/ir/program.js";
import type { State } from "../src/ir/state.js";
import type { DType, TensorType } from "../src/ir/tensor-type.js";
import { allRows } from "../src/ops/lookup.js";
import type { Op } from "../src/ops/op.js";
import * as ops from "../src/ops/table.js";
import { programOf } from "./programs.js";

export const stateOf = (
  kind: State["kind"],
  name: string,
  shape: readonly number[],
  of: State | null = null,
  dtype: DType = "f32",
): State => ({ kind, name, paths: [name], type: { shape, dtype }, of, trainable: kind === "parameter", origin: null });

/** Ops on values as a layer would write them. */
export function layersOn(b: BlockBuilder) {
  const one = <A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: NoInfer<A>): LogicalValue =>
    b.emit(op, inputs, attrs)[0]!;
  const letters = "abcdefgh";
  return {
    one,
    add: (x: LogicalValue, y: LogicalValue) => one(ops.add, [x, y], {}),
    /** `scalar` in the shape of `like`. */
    spread: (scalar: LogicalValue, like: LogicalValue) => {
      const { shape } = like.type;
      const sizes = Object.fromEntries(shape.map((size, d) => [letters[d]!, size]));
      return shape.length === 0
        ? scalar
        : one(ops.regroup, [scalar], { factors: `->${letters.slice(0, shape.length)}`, sizes });
    },
    number: (value: number, like: LogicalValue) => one(ops.constant, [], { ...like.type, value }),
    /** A row over all rows of `like`. */
    rows: (row: LogicalValue, like: LogicalValue) => {
      const { shape } = like.type;
      const all = letters.slice(0, shape.length);
      const sizes = Object.fromEntries(shape.slice(0, -1).map((size, d) => [letters[d]!, size]));
      return one(ops.regroup, [row], { factors: `${all.at(-1)}->${all}`, sizes });
    },
    total: (x: LogicalValue) => one(ops.sum, [x], { dims: x.type.shape.map((_, d) => d) }),
  };
}

export interface TinyGpt {
  readonly batch: number;
  readonly time: number;
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  readonly layers: number;
  readonly isTied: boolean;
  /** Microbatches of one step: all but the last only add to the gradients. */
  readonly microbatches: number;
}
export const tinyGpt: TinyGpt = {
  batch: 4,
  time: 3,
  width: 4,
  heads: 2,
  vocab: 7,
  layers: 2,
  isTied: true,
  microbatches: 1,
};

const place = (scope: string, phase: StepPlace["phase"] = "forward"): StepPlace => ({ origin: null, scope, phase });

/** Parameters by name. */
export type Parameters = ReadonlyMap<string, State>;

export function gptParameters({ width, vocab, time, layers, isTied }: TinyGpt): Parameters {
  const shapes: [string, readonly number[]][] = [
    ["wte", [vocab, width]],
    ["wpe", [time, width]],
    ...Array.from({ length: layers }, (_, i): [string, readonly number[]][] => [
      [`blocks.${i}.norm`, [width]],
      [`blocks.${i}.qkv`, [3, width, width]],
      [`blocks.${i}.proj`, [width, width]],
      [`blocks.${i}.bias`, [width]],
      [`blocks.${i}.up`, [2 * width, width]],
      [`blocks.${i}.down`, [width, 2 * width]],
    ]).flat(),
    ...(isTied ? [] : [["head", [vocab, width]] as [string, readonly number[]]]),
  ];
  return new Map(shapes.map(([name, shape]) => [name, stateOf("parameter", name, shape)]));
}

const blockParameters = ["norm", "qkv", "proj", "bias", "up", "down"] as const;

/** One block, from its parameters in the order of `blockParameters`. */
function block(b: BlockBuilder, x: LogicalValue, parameters: readonly LogicalValue[], heads: number): LogicalValue {
  const [norm, qkv, proj, bias, up, down] = parameters as [
    LogicalValue,
    LogicalValue,
    LogicalValue,
    LogicalValue,
    LogicalValue,
    LogicalValue,
  ];
  const c = layersOn(b);
  const width = x.type.shape[2]!;
  const normalized = b.at(place("blocks.*.norm"), () => {
    const y = c.one(ops.layerNorm, [x], { eps: 1e-5 });
    return c.one(ops.mul, [y, c.rows(norm, y)], {});
  });
  const attended = b.at(place("blocks.*.attn"), () => {
    const [q, k, v] = [0, 1, 2].map((part) => {
      const weight = c.one(ops.slice, [qkv], { dim: 0, start: part, count: 1, step: 1, size: 3 });
      const plain = c.one(ops.regroup, [weight], { factors: "1oi->oi", sizes: { "1": 1 } });
      const y = c.one(ops.contract, [normalized, plain], { factors: "bti,oi->bto" });
      return c.one(ops.regroup, [y], { factors: "bt(hd)->bhtd", sizes: { h: heads, d: width / heads } });
    });
    const [y] = b.emit(ops.attention, [q!, k!, v!], { scale: 1 / Math.sqrt(width / heads), isCausal: true, share: 1 });
    const joined = c.one(ops.regroup, [y!], { factors: "bhtd->bt(hd)", sizes: { d: width / heads } });
    const projected = c.one(ops.contract, [joined, proj], { factors: "bti,oi->bto" });
    return c.add(x, c.add(projected, c.rows(bias, projected)));
  });
  return b.at(place("blocks.*.mlp"), () => {
    const hidden = c.one(ops.geluTanh, [c.one(ops.contract, [attended, up], { factors: "bti,oi->bto" })], {});
    return c.add(attended, c.one(ops.contract, [hidden, down], { factors: "bti,oi->bto" }));
  });
}

/** The mean loss over all places of the batch, of parameters by name. */
function loss(g: GraphBuilder, config: TinyGpt, parameter: (name: string) => LogicalValue): LogicalValue {
  const { batch, time, layers, heads, isTied } = config;
  const c = layersOn(g);
  const type: TensorType = { shape: [batch, time], dtype: "i32" };
  const tokens = g.input({ kind: "batch", field: "tokens" }, type, "tokens");
  const targets = g.input({ kind: "batch", field: "targets" }, type, "targets");
  let x = g.at(place("wte"), () => c.one(ops.take, [parameter("wte"), tokens], allRows(parameter("wte").type.shape)));
  x = g.at(place("wpe"), () => {
    const positions = c.one(ops.regroup, [parameter("wpe")], { factors: "tc->btc", sizes: { b: batch } });
    return c.add(x, positions);
  });
  const names = blockParameters.map((name) => Array.from({ length: layers }, (_, i) => `blocks.${i}.${name}`));
  const body = g.inner();
  const enter = body.value(x.type, { name: "x" });
  const stacked = names.map((list, i) => {
    const items = list.map(parameter);
    return { items, each: body.value(items[0]!.type, { name: `blocks.*.${blockParameters[i]}` }) };
  });
  const leave = block(
    body,
    enter,
    stacked.map(({ each }) => each),
    heads,
  );
  const result = g.value(x.type, { name: "x" });
  g.at(place("blocks"), () =>
    g.repeat({
      count: layers,
      carried: [{ start: x, enter, leave, result }],
      stacked,
      shared: [],
      collected: [],
      body: body.steps,
    }),
  );
  return g.at(place("head"), () => {
    const logits = c.one(ops.contract, [result, parameter(isTied ? "wte" : "head")], { factors: "btc,vc->btv" });
    const flat = c.one(ops.regroup, [logits], { factors: "btv->(bt)v", sizes: { t: time } });
    const aims = c.one(ops.regroup, [targets], { factors: "bt->(bt)", sizes: { t: time } });
    const [each] = g.emit(ops.crossEntropy, [flat, aims], { ignoreIndex: -100, start: 0 });
    const total = c.total(each!);
    return c.one(ops.div, [total, c.number(batch * time, total)], {});
  });
}

const gradientName = (name: string): string => `gradient.${name}`;

/** `accumulate` (if there are several microbatches) adds gradients up, `step` adds the last ones and updates with momentum. */
export function gptTraining(config: TinyGpt): Program<"logical"> {
  const parameters = gptParameters(config);
  // Gradients of a single microbatch live within their step.
  const isKept = config.microbatches > 1;
  const gradients = new Map(
    isKept
      ? [...parameters].map(([name, of]) => [name, stateOf("gradient", gradientName(name), of.type.shape, of)] as const)
      : [],
  );
  const moments = new Map(
    [...parameters].map(([name, of]) => [name, stateOf("optimizer", `moment.${name}`, of.type.shape, of)]),
  );
  const withGradients = (name: string) => {
    const g = new GraphBuilder(name);
    const read = new Map<string, LogicalValue>();
    const parameter = (key: string): LogicalValue => {
      const state = parameters.get(key)!;
      const known = read.get(key) ?? g.input({ kind: "state", state }, state.type, key);
      read.set(key, known);
      return known;
    };
    const value = loss(g, config, parameter);
    const c = layersOn(g);
    const [scaled] = g.emit(ops.mul, [value, c.number(1 / config.microbatches, value)], {});
    const names = [...read.keys()];
    const own = g.at(place("", "backward"), () =>
      g.gradient(
        scaled!,
        names.map((key) => read.get(key)!),
      ),
    );
    const totals = g.at(place("", "backward"), () =>
      names.map((key, i) => {
        const state = gradients.get(key);
        if (!state) return own[i]!;
        const held = g.input({ kind: "state", state }, state.type, state.name);
        return c.add(held, own[i]!);
      }),
    );
    return { g, c, value, names, totals, read };
  };

  const graphs: LogicalGraph[] = [];
  if (isKept) {
    const { g, value, names, totals } = withGradients("accumulate");
    graphs.push(
      g.finish({
        results: [{ name: "loss", value }],
        updates: names.map((key, i) => ({ state: gradients.get(key)!, value: totals[i]! })),
      }),
    );
  }
  const { g, c, value, names, totals, read } = withGradients("step");
  const rate = g.input({ kind: "scalar", name: "rate" }, { shape: [], dtype: "f32" }, "rate");
  const updates = g.at(place("optimizer", "update"), () => {
    const squares = totals.map((gradient) => c.total(c.one(ops.square, [gradient], {})));
    const norm = c.one(ops.sqrt, [squares.reduce(c.add)], {});
    const scale = c.one(ops.div, [c.number(1, norm), c.one(ops.maximum, [norm, c.number(1, norm)], {})], {});
    return {
      norm,
      all: names.flatMap((key, i) => {
        const moment = moments.get(key)!;
        const before = g.input({ kind: "state", state: moment }, moment.type, moment.name);
        const clipped = c.one(ops.mul, [totals[i]!, c.spread(scale, totals[i]!)], {});
        const now = c.add(c.one(ops.mul, [before, c.number(0.9, before)], {}), clipped);
        const next = c.one(ops.sub, [read.get(key)!, c.one(ops.mul, [now, c.spread(rate, now)], {})], {});
        return [
          { state: parameters.get(key)!, value: next },
          { state: moment, value: now },
          ...(isKept ? [{ state: gradients.get(key)!, value: c.number(0, totals[i]!) }] : []),
        ];
      }),
    };
  });
  graphs.push(
    g.finish({
      results: [
        { name: "loss", value },
        { name: "norm", value: updates.norm },
      ],
      updates: updates.all,
      observed: names.map((key, i) => ({ label: key, value: totals[i]! })),
    }),
  );
  const fields = ["tokens", "targets"].map((name) => ({
    name,
    type: { shape: [config.batch, config.time], dtype: "i32" } as const,
  }));
  const loader: Loader = {
    name: "train",
    source: {
      kind: "tokens",
      path: { literal: "data" },
      split: "train",
      sequenceLength: config.time,
      vocabSize: config.vocab,
    },
    batchSize: config.batch,
    shuffle: false,
    dropLast: true,
    fields,
  };
  return programOf(graphs, {
    name: "tinyGpt",
    states: [...parameters.values(), ...gradients.values(), ...moments.values()],
    loaders: [loader],
  });
}
