// Random small models from a seed: layers of every family, repeats of every kind inside each other, parameters that are
// used several times. Values in the stream are [batch, time, width] and stay of size one or so.
import { type BlockBuilder, GraphBuilder } from "../src/ir/build.js";
import type { LogicalGraph, LogicalValue } from "../src/ir/graph.js";
import type { Loader, Program } from "../src/ir/program.js";
import type { State } from "../src/ir/state.js";
import { allRows } from "../src/ops/lookup.js";
import { randomAttributes } from "../src/ops/random.js";
import * as ops from "../src/ops/table.js";
import { randomNumbers } from "./arrays.js";
import { programOf } from "./programs.js";
import { layersOn, stateOf } from "./tiny-models.js";

export interface RandomModel {
  readonly program: Program<"logical">;
  readonly parameters: readonly State[];
  /** What it is made of, for messages. */
  readonly text: string;
}

export interface RandomOptions {
  readonly batch?: number;
  readonly numLayers?: number;
  readonly numLosses?: number;
}

export const vocab = 5;
/** Values in the stream may be marked by these. */
export const markNames = ["one", "two"] as const;

export function randomModel(seed: number, options: RandomOptions = {}): RandomModel {
  return new Maker(seed, options).make();
}

/** What layers may read besides the stream: in a repeat body only what came in. */
interface Scope {
  readonly block: BlockBuilder;
  /** A new parameter of a shape, or one that is there already. */
  readonly parameter: (shape: readonly number[]) => LogicalValue;
  readonly values: LogicalValue[];
  readonly depth: number;
  /** The path of the module that the layers are in. */
  readonly path: string;
}

class Maker {
  private readonly next: () => number;
  private readonly g = new GraphBuilder("step");
  private readonly parameters = new Map<State, LogicalValue>();
  private readonly words: string[] = [];
  private readonly batch: number;
  private readonly time = 3;
  private readonly width = 4;
  constructor(
    seed: number,
    private readonly options: RandomOptions,
  ) {
    this.next = randomNumbers(seed);
    this.batch = options.batch ?? 2 + this.below(3);
  }

  private below(n: number): number {
    return Math.floor(this.next() * n);
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  make(): RandomModel {
    const { g } = this;
    const shape = [this.batch, this.time, this.width];
    const x = g.input({ kind: "batch", field: "x" }, { shape, dtype: "f32" }, "x");
    const tokens = g.input({ kind: "batch", field: "tokens" }, { shape: shape.slice(0, 2), dtype: "i32" }, "tokens");
    const c = layersOn(g);
    const table = this.parameter([vocab, this.width]);
    const embedded = c.one(ops.take, [table, tokens], allRows(table.type.shape));
    const scope: Scope = {
      block: g,
      parameter: (wanted) => this.parameter(wanted),
      values: [c.add(x, embedded)],
      depth: 0,
      path: "model",
    };
    const { numLayers = 3, numLosses = 1 } = this.options;
    const results: { name: string; value: LogicalValue }[] = [];
    const terms = new Map<State, LogicalValue>();
    for (let l = 0; l < numLosses; l++) {
      for (let i = 0; i < numLayers; i++) scope.values.push(this.layer(scope));
      const loss = this.loss(scope.values.at(-1)!, tokens);
      results.push({ name: `loss${l}`, value: loss });
      const by = [...this.parameters].filter(() => l === 0 || this.below(3) > 0);
      const gradients = g.gradient(
        loss,
        by.map(([, value]) => value),
      );
      by.forEach(([state], i) => {
        const before = terms.get(state);
        terms.set(state, before ? c.add(before, gradients[i]!) : gradients[i]!);
      });
    }
    const updates = [...terms].map(([state, gradient]) => {
      const value = this.parameters.get(state)!;
      const step = c.one(ops.mul, [gradient, c.number(0.1, gradient)], {});
      return { state, value: c.one(ops.sub, [value, step], {}) };
    });
    const observed = [...terms].map(([{ name }, value]) => ({ label: name, value }));
    const graph: LogicalGraph = g.finish({ results, updates, observed });
    const parameters = [...this.parameters.keys()];
    const program = programOf([graph], { states: parameters, loaders: [this.loader(shape)] });
    return { program, parameters, text: this.words.join(" ") };
  }

  private loader(shape: readonly number[]): Loader {
    return {
      name: "train",
      source: { kind: "tensors", path: { literal: "data" }, numSamples: 8 },
      batchSize: this.batch,
      shuffle: false,
      dropLast: true,
      fields: [
        { name: "x", type: { shape, dtype: "f32" } },
        { name: "tokens", type: { shape: shape.slice(0, 2), dtype: "i32" } },
      ],
    };
  }

  private parameter(shape: readonly number[]): LogicalValue {
    const same = [...this.parameters].filter(([{ type }]) => String(type.shape) === String(shape));
    if (same.length > 0 && this.below(4) === 0) return this.pick(same)[1];
    const state = stateOf("parameter", `w${this.parameters.size}`, shape);
    const value = this.g.input({ kind: "state", state }, state.type, state.name);
    this.parameters.set(state, value);
    return value;
  }

  private loss(x: LogicalValue, tokens: LogicalValue): LogicalValue {
    const c = layersOn(this.g);
    if (this.below(2) === 0) {
      const square = c.one(ops.square, [x], {});
      return c.one(ops.mul, [c.total(square), c.number(0.1, c.total(square))], {});
    }
    const logits = c.one(ops.contract, [x, this.parameter([vocab, this.width])], { factors: "btc,vc->btv" });
    const flat = c.one(ops.regroup, [logits], { factors: "btv->(bt)v", sizes: { t: this.time } });
    const aims = c.one(ops.regroup, [tokens], { factors: "bt->(bt)", sizes: { t: this.time } });
    const [each] = this.g.emit(ops.crossEntropy, [flat, aims], { ignoreIndex: this.pick([-100, 1]), start: 0 });
    return c.total(each!);
  }

  /** One layer on some value of the scope; the result has the same shape. */
  private layer(scope: Scope): LogicalValue {
    const x = this.below(3) === 0 ? this.pick(scope.values) : scope.values.at(-1)!;
    const kinds = [
      "mlp",
      "norm",
      "rms",
      "scale",
      "shift",
      "mix",
      "attention",
      "elementwise",
      "swap",
      "centre",
      "drop",
      "end",
      "grouped",
      "marked",
    ];
    const kind = scope.depth < 2 && this.below(3) === 0 ? "repeat" : this.pick(kinds);
    this.words.push(kind);
    const path = `${scope.path}.${kind}${this.words.length}`;
    return scope.block.at({ origin: null, scope: path, phase: "forward" }, () =>
      this.layerOf(kind, x, { ...scope, path }),
    );
  }

  private layerOf(kind: string, x: LogicalValue, scope: Scope): LogicalValue {
    const { block, parameter } = scope;
    const c = layersOn(block);
    const { width, time, batch } = this;
    const bounded = (y: LogicalValue): LogicalValue => c.one(ops.tanh, [y], {});
    switch (kind) {
      case "mlp": {
        const hidden = c.one(ops.contract, [x, parameter([6, width])], { factors: "btc,fc->btf" });
        const bent = c.one(this.pick([ops.gelu, ops.silu, ops.relu, ops.geluTanh]), [hidden], {});
        return bounded(c.one(ops.contract, [bent, parameter([width, 6])], { factors: "btf,cf->btc" }));
      }
      case "norm": {
        const [y] = block.emit(ops.layerNorm, [x], { eps: 0.1 });
        return c.one(ops.mul, [y!, c.rows(parameter([width]), y!)], {});
      }
      case "rms": {
        const [y] = block.emit(ops.rmsNorm, [x], { eps: 0.1 });
        return c.add(y!, c.rows(parameter([width]), y!));
      }
      case "scale":
        return c.one(ops.mul, [x, c.rows(parameter([width]), x)], {});
      case "shift":
        return c.add(x, c.one(ops.regroup, [parameter([time, width])], { factors: "tc->btc", sizes: { b: batch } }));
      case "mix": {
        const other = this.pick(scope.values);
        const scores = c.one(ops.contract, [x, other], { factors: "bqc,bkc->bqk" });
        const total = c.one(ops.logsumexp, [scores], { dim: 2 });
        const spread = c.one(ops.regroup, [total], { factors: "bq->bqk", sizes: { k: time } });
        const weights = c.one(ops.exp, [c.one(ops.sub, [scores, spread], {})], {});
        return c.one(ops.contract, [weights, other], { factors: "bqk,bkc->bqc" });
      }
      case "attention": {
        const heads = (y: LogicalValue) => c.one(ops.regroup, [y], { factors: "bt(hd)->bhtd", sizes: { h: 2, d: 2 } });
        const q = heads(c.one(ops.contract, [x, parameter([width, width])], { factors: "btc,oc->bto" }));
        const k = heads(this.pick(scope.values));
        const isCausal = this.below(2) === 0;
        const [y] = block.emit(ops.attention, [q, k, heads(x)], { scale: 0.7, isCausal, share: 1 });
        return c.one(ops.regroup, [y!], { factors: "bhtd->bt(hd)", sizes: { d: 2 } });
      }
      case "grouped": {
        const heads = (y: LogicalValue, h: number) =>
          c.one(ops.regroup, [y], { factors: "bt(hd)->bhtd", sizes: { h, d: 1 } });
        const projected = (size: number) =>
          c.one(ops.contract, [x, parameter([size, width])], { factors: "btc,oc->bto" });
        const [q, k, v] = [heads(projected(4), 4), heads(projected(2), 2), heads(projected(2), 2)];
        const [y] = block.emit(ops.attention, [q, k, v], { scale: 0.7, isCausal: this.below(2) === 0, share: 2 });
        return c.one(ops.regroup, [y!], { factors: "bhtd->bt(hd)", sizes: { d: 1 } });
      }
      case "marked":
        return bounded(c.one(ops.mark, [x], { name: this.pick(markNames) }));
      case "elementwise": {
        const [a, b] = [x, this.pick(scope.values)];
        const op = this.pick([ops.add, ops.sub, ops.mul, ops.maximum]);
        return bounded(c.one(op, [a, b], {}));
      }
      case "swap": {
        const part = (start: number) => c.one(ops.slice, [x], { dim: 2, start, count: 2, step: 1, size: width });
        return c.one(ops.concat, [c.one(ops.neg, [part(2)], {}), part(0)], { dim: 2, counts: [2, 2] });
      }
      case "end": {
        const dim = 1 + this.below(2);
        const size = x.type.shape[dim]!;
        const first = c.one(ops.slice, [x], { dim, start: 0, count: size - 1, step: 1, size });
        return c.one(ops.pad, [bounded(first)], {
          dim,
          before: 0,
          inner: 0,
          count: size - 1,
          size,
          value: this.below(2),
        });
      }
      case "centre": {
        const dim = 1 + this.below(2);
        const most = c.one(ops.max, [x], { dims: [dim] });
        const letters = ["abc->ac", "abc->ab"][dim - 1]!.split("->");
        const sizes = dim === 1 ? { b: time } : { c: width };
        const spread = c.one(ops.regroup, [most], { factors: `${letters[1]}->${letters[0]}`, sizes });
        return c.one(ops.sub, [x, spread], {});
      }
      case "drop": {
        const zero = c.one(ops.constant, [], { shape: [], dtype: "i32", value: 3 });
        const noise = c.one(ops.randomUniform, [zero, zero], randomAttributes(x.type.shape, this.below(100)));
        const mask = c.one(ops.less, [noise, c.number(0.7, noise)], {});
        return c.one(ops.select, [mask, x, c.number(0, x)], {});
      }
      default:
        return this.repeat(x, scope);
    }
  }

  /** A body of a few layers, with carried, stacked, shared and collected values. */
  private repeat(start: LogicalValue, scope: Scope): LogicalValue {
    const { block } = scope;
    const count = 2 + this.below(2);
    const body = block.inner();
    const stacked: { items: readonly LogicalValue[]; each: LogicalValue }[] = [];
    const shared: { outer: LogicalValue; inner: LogicalValue }[] = [];
    const share = (outer: LogicalValue): LogicalValue => {
      const known = shared.find((entry) => entry.outer.id === outer.id);
      if (known) return known.inner;
      const inner = body.value(outer.type, { name: outer.name });
      shared.push({ outer, inner });
      return inner;
    };
    const enter = body.value(start.type, { name: "x" });
    const path = `${scope.path}.*`;
    body.place = { origin: null, scope: path, phase: "forward" };
    const inner: Scope = {
      block: body,
      path,
      depth: scope.depth + 1,
      values: [enter],
      parameter: (shape) => {
        if (this.below(3) === 0) return share(scope.parameter(shape));
        const items = Array.from({ length: count }, () => scope.parameter(shape));
        const each = body.value(items[0]!.type, { name: "w*" });
        stacked.push({ items, each });
        return each;
      },
    };
    if (this.below(2) === 0) inner.values.push(share(this.pick(scope.values)));
    // A second carried value: what it leaves is what the stream was, or a running sum.
    const second = this.below(2) === 0 ? this.pick(scope.values) : null;
    const secondEnter = second ? body.value(second.type, { name: "y" }) : null;
    if (secondEnter) inner.values.push(secondEnter);
    inner.values.push(enter);
    this.words.push(`${count}(`);
    for (let i = 0, n = 1 + this.below(3); i < n; i++) inner.values.push(this.layer(inner));
    this.words.push(")");
    const c = layersOn(body);
    const leave = c.one(ops.tanh, [c.add(inner.values.at(-1)!, enter)], {});
    const result = block.value(start.type, { name: "x" });
    const carried = [{ start, enter, leave, result }];
    if (second && secondEnter) {
      const swaps = this.below(2) === 0;
      const secondLeave = swaps ? enter : c.add(secondEnter, inner.values.at(-1)!);
      carried.push({ start: second, enter: secondEnter, leave: secondLeave, result: block.value(second.type) });
    }
    const collects = this.below(2) === 0;
    const each = collects ? this.pick(inner.values.slice(1)) : null;
    const items = each ? Array.from({ length: count }, () => block.value(each.type, { name: "kept" })) : [];
    block.repeat({ count, carried, stacked, shared, collected: each ? [{ each, items }] : [], body: body.steps });
    const outer = layersOn(block);
    const ends = [...carried.slice(1).map((entry) => entry.result), ...items.filter(() => this.below(2) === 0)];
    return ends.reduce((sum, value) => outer.one(ops.tanh, [outer.add(sum, value)], {}), result);
  }
}
