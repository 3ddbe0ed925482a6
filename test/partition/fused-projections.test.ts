// Queries, keys and values of one projection. A weight `[3, h*e, d]` is cut between heads and nothing is gathered; a flat
// one, `[3*h*e, d]`, cannot be cut so: its result is gathered, and the numbers are one rank's all the same.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalValue } from "../../src/ir/graph.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import * as ops from "../../src/ops/table.js";
import { comparePasses } from "../compare-passes.js";
import { programOf } from "../programs.js";
import { inputsFrom } from "../run-program.js";
import { layersOn, stateOf } from "../tiny-models.js";
import { sentBy } from "./textbook.js";

const [batch, time, heads, size] = [2, 4, 4, 2] as const;
const width = heads * size;

/** Attention of a fused projection and its gradients, with the plan of a tensor-parallel attention. */
function attentionOf(isFlat: boolean, ranks: number): Program<"logical"> {
  const g = new GraphBuilder("step");
  const c = layersOn(g);
  const x = g.input({ kind: "batch", field: "x" }, { shape: [batch, time, width], dtype: "f32" }, "x");
  const weight = stateOf("parameter", "qkv", isFlat ? [3 * width, width] : [3, width, width]);
  const out = stateOf("parameter", "out", [width, width]);
  const [w, o] = [weight, out].map((state) => g.input({ kind: "state", state }, state.type, state.name));
  const projected = isFlat
    ? c.one(ops.regroup, [c.one(ops.contract, [x, w!], { factors: "btc,fc->btf" })], {
        factors: "bt(nhe)->nbhte",
        sizes: { h: heads, e: size },
      })
    : c.one(ops.regroup, [c.one(ops.contract, [x, w!], { factors: "btc,nfc->nbtf" })], {
        factors: "nbt(he)->nbhte",
        sizes: { e: size },
      });
  const part = (start: number): LogicalValue => {
    const one = c.one(ops.slice, [projected], { dim: 0, start, count: 1, step: 1, size: 3 });
    return c.one(ops.regroup, [one], { factors: "1bhte->bhte", sizes: { "1": 1 } });
  };
  const [y] = g.emit(ops.attention, [part(0), part(1), part(2)], { scale: 0.7, isCausal: true, share: 1 });
  const joined = c.one(ops.regroup, [y!], { factors: "bhte->bt(he)", sizes: { e: size } });
  const loss = c.total(c.one(ops.square, [c.one(ops.contract, [joined, o!], { factors: "bti,oi->bto" })], {}));
  const gradients = g.gradient(loss, [w!, o!]);
  const updates = [weight, out].map((state, i) => {
    const value = c.one(ops.sub, [[w!, o!][i]!, c.one(ops.mul, [gradients[i]!, c.number(0.1, gradients[i]!)], {})], {});
    return { state, value };
  });
  const graph = g.finish({ results: [{ name: "loss", value: loss }], updates });
  const fields = [{ name: "x", type: x.type }];
  const source = { kind: "tensors", path: { literal: "data" }, numSamples: batch } as const;
  const loader = { name: "train", source, batchSize: batch, shuffle: false, dropLast: true, fields };
  return programOf([graph], {
    states: [weight, out],
    loaders: [loader],
    mesh: meshOf({ tp: ranks }),
    layout: {
      ...defaultLayout,
      uses: new Map([
        [weight, { tp: isFlat ? 0 : 1 }],
        [out, { tp: 1 }],
      ]),
    },
  });
}

test.each([
  [true, 2],
  [true, 4],
  [false, 2],
  [false, 4],
] as const)("flat %s on %i ranks: one rank's numbers", (isFlat, ranks) => {
  expect(comparePasses(attentionOf(isFlat, ranks), inputsFrom(), { padding: Number.NaN }).found).toEqual([]);
});

test("a weight of three dims sends the sum of the output projection and nothing else", () => {
  const sent = (isFlat: boolean): number => {
    const program = attentionOf(isFlat, 2);
    return sentBy(compileProgram(program).graphs.get("step")!, program.mesh).tp!;
  };
  expect(sent(false)).toBe(batch * time * width);
  expect(sent(true)).toBeGreaterThan(2 * sent(false));
});
