// The smallest program with everything in its text: two rounds of a layer, a gradient, an update.
import { GraphBuilder, type StepPlace } from "../../src/ir/build.js";
import type { Origin } from "../../src/ir/origin.js";
import type { Program } from "../../src/ir/program.js";
import { contract, mul, regroup, sub, sum, tanh } from "../../src/ops/table.js";
import { programOf } from "../programs.js";
import { stateOf } from "../tiny-models.js";

const line = (number: number): Origin => ({
  place: { file: "trainer.ts", start: 0, end: 0, line: number, column: 1 },
  inside: "Model.forward",
  caller: null,
});
const at = (number: number, scope: string, phase: StepPlace["phase"] = "forward"): StepPlace => ({
  origin: line(number),
  scope,
  phase,
});

export function tinyProgram(): Program<"logical"> {
  const [first, second] = [
    stateOf("parameter", "layers.0.weight", [3, 3]),
    stateOf("parameter", "layers.1.weight", [3, 3]),
  ];
  const g = new GraphBuilder("step");
  const x = g.input({ kind: "batch", field: "x" }, { shape: [4, 3], dtype: "f32" }, "x");
  const rate = g.input({ kind: "scalar", name: "rate" }, { shape: [], dtype: "f32" }, "rate");
  const weights = [first, second].map((state) => g.input({ kind: "state", state }, state.type, "weight"));
  const body = g.inner();
  const enter = body.value(x.type, { name: "x" });
  const each = body.value(weights[0]!.type, { name: "layers.*.weight" });
  const [y] = body.at(at(12, "layers.*"), () => body.emit(contract, [enter, each], { factors: "bi,oi->bo" }));
  const [leave] = body.at(at(13, "layers.*"), () => body.emit(tanh, [y!], {}, { name: "hidden" }));
  const result = g.value(x.type, { name: "x" });
  g.at(at(11, "layers"), () =>
    g.repeat({
      count: 2,
      carried: [{ start: x, enter, leave: leave!, result }],
      stacked: [{ items: weights, each }],
      shared: [],
      collected: [],
      body: body.steps,
    }),
  );
  const [loss] = g.at(at(15, ""), () => g.emit(sum, [result], { dims: [0, 1] }, { name: "loss" }));
  const gradients = g.at(at(20, "", "backward"), () => g.gradient(loss!, weights));
  const updates = g.at(at(21, "optimizer", "update"), () =>
    weights.map((weight, i) => {
      const [spread] = g.emit(regroup, [rate], { factors: "->ab", sizes: { a: 3, b: 3 } });
      const [change] = g.emit(mul, [gradients[i]!, spread!], {});
      const [value] = g.emit(sub, [weight, change!], {});
      return { state: [first, second][i]!, value: value! };
    }),
  );
  const graph = g.finish({
    results: [{ name: "loss", value: loss! }],
    updates,
    observed: weights.map((_, i) => ({ label: `layers.${i}.weight`, value: gradients[i]! })),
  });
  return programOf([graph], {
    name: "tiny",
    file: "trainer.ts",
    loaders: [
      {
        name: "train",
        source: { kind: "tensors", path: { literal: "data.safetensors" }, numSamples: 16 },
        batchSize: 4,
        shuffle: true,
        dropLast: true,
        fields: [{ name: "x", type: { shape: [4, 3], dtype: "f32" } }],
      },
    ],
  });
}
