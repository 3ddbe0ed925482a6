// Each parallel style: which parameter it splits along which dim, and which marks tensors get on their way in and out.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Step } from "../../src/ir/graph.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import { parsed } from "../evaluate/parsed.js";

const folder = mkdtempSync(join(tmpdir(), "dreamc-styles-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** `uses` by parameter, and the marks of one forward pass in order, of a small model under a plan. */
function traced(plan: string): { readonly uses: object; readonly marks: readonly string[] } {
  const file = join(folder, "trainer.ts");
  writeFileSync(
    file,
    `import {
       ColwiseParallel, DataLoader, type DeviceMesh, distributedLaunch, distributeTensor, DreamTrainer, DreamTrainerConfig, F,
       GeneratedDataset, nn, parallelizeModule, PrepareModuleInput, PrepareModuleOutput, randint, redistribute, Replicate,
       RowwiseParallel, SequenceParallel, SGD, Shard, type Tensor, type Batch,
     } from "dreamc";
     class Inner extends nn.Module {
       readonly up = new nn.Linear(4, 8);
       readonly down = new nn.Linear(8, 4);
       forward(x: Tensor, scale: number): Tensor {
         return this.down.forward(this.up.forward(x).mul(scale));
       }
     }
     class Model extends nn.Module {
       readonly embedding = new nn.Embedding(10, 4);
       readonly norm = new nn.LayerNorm(4);
       readonly inners = [new Inner(), new Inner()];
       readonly list = new nn.ModuleList(this.inners);
       forward(tokens: Tensor): Tensor {
         let x = this.norm.forward(this.embedding.forward(tokens));
         for (const inner of this.list) x = inner.forward(x, 2);
         return x;
       }
     }
     class Trainer extends DreamTrainer {
       model!: Model;
       optimizer!: SGD;
       override configureModels() { this.model = new Model(); }
       override configureOptimizers() { this.optimizer = new SGD(this.model.parameters(), { lr: 0.1 }); }
       override configureDataloaders() {
         const data = new GeneratedDataset(8, (size) => ({ tokens: randint(0, 10, [size, 6]) }));
         return new DataLoader(data, { batchSize: 4 });
       }
       override applyTensorParallel(tpMesh: DeviceMesh) { ${plan} }
       override trainingStep(batch: Batch) {
         const loss = this.model.forward(batch.tokens!).square().mean();
         this.backward(loss);
         this.step(this.model, this.optimizer);
         return { loss };
       }
     }
     const config = DreamTrainerConfig({ deviceParameters: { dpReplicate: 1, tensorParallel: 2 } });
     distributedLaunch(() => new Trainer(config).fit());`,
  );
  const { graphs, layout } = evaluate(file, { checkTypes: false, parsed });
  const namesIn = (steps: readonly Step<"logical">[]): readonly string[] =>
    steps.flatMap((step) => {
      if (step.kind === "repeat") return namesIn(step.body);
      const name = step.kind === "op" ? step.op.mark?.(step.attrs) : undefined;
      return name === undefined || name === "batch" ? [] : [name];
    });
  return {
    uses: Object.fromEntries([...layout.uses].map(([{ name }, mark]) => [name.replace("model.", ""), mark.tp])),
    marks: namesIn(graphs.get("trainingStep")!.steps),
  };
}
const planned = (plan: string) => traced(`parallelizeModule(this.model, tpMesh, { ${plan} });`);

test("columns of an embedding, rows of a vocabulary", () => {
  expect(planned("embedding: ColwiseParallel()")).toEqual({ uses: { "embedding.weight": 1 }, marks: ["tp:- from -"] });
  expect(planned("embedding: RowwiseParallel({ outputLayouts: Shard(1) })")).toEqual({
    uses: { "embedding.weight": 0 },
    marks: ["tp:- from -", "tp:1"],
  });
});

test("columns, then rows, of every repeated module; biases of rows stay whole", () => {
  const { uses, marks } = planned('"list.*.up": ColwiseParallel(), "list.*.down": RowwiseParallel()');
  expect(uses).toEqual({
    "list.0.up.weight": 0,
    "list.0.up.bias": 0,
    "list.0.down.weight": 1,
    "list.1.up.weight": 0,
    "list.1.up.bias": 0,
    "list.1.down.weight": 1,
  });
  // In one repeat of two rounds.
  expect(marks).toEqual(["tp:- from -", "tp:2 from 2", "tp:-"]);
});

test("a norm works on its part of the sequence", () => {
  expect(planned("norm: SequenceParallel(), embedding: ColwiseParallel()")).toEqual({
    uses: { "embedding.weight": 1 },
    marks: ["tp:- from -", "tp:1"],
  });
});

test("inputs by position, of which numbers are none, and outputs", () => {
  const input = "PrepareModuleInput({ inputLayouts: [Shard(1), null], desiredInputLayouts: [Replicate(), null] })";
  const output = "PrepareModuleOutput({ outputLayouts: Replicate(), desiredOutputLayouts: Shard(-2) })";
  expect(planned(`"list.0": ${input}, norm: ${output}`)).toEqual({ uses: {}, marks: ["tp:1 from -", "tp:- from 1"] });
  expect(planned(`norm: PrepareModuleInput(), embedding: ColwiseParallel()`).marks).toEqual(["tp:- from -"]);
});

test("styles of the module itself, and what users write with the two functions below", () => {
  expect(
    traced(`const { norm, embedding } = this.model;
      parallelizeModule(norm, tpMesh, SequenceParallel({ sequenceDim: 0 }));
      parallelizeModule(embedding, tpMesh, {}, { inputFn: PrepareModuleInput({ desiredInputLayouts: Replicate() }) });
      distributeTensor(norm.weight, tpMesh, Shard(-1));
      const forward = embedding.forward;
      embedding.forward = (tokens) => redistribute(forward.call(embedding, tokens), tpMesh, Shard(-1));`),
  ).toEqual({ uses: { "norm.weight": 0 }, marks: ["tp:-", "tp:2", "tp:0"] });
});

test.each([
  ["Shard(3)", "Shard(3) of a tensor of 3 dims"],
  ["Partial()", "cannot be asked to lie as Partial()"],
])("%s of an embedding's result is refused", (layout, message) => {
  expect(() =>
    planned(
      `embedding: RowwiseParallel({ outputLayouts: ${layout} })`.replace("Partial()", "{ kind: 'partial' } as never"),
    ),
  ).toThrow(message);
});
