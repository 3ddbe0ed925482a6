// What hooks and configs ask of the layout: every field of it is filled from a trainer.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import { printProgram } from "../../src/ir/print-program.js";
import type { Program } from "../../src/ir/program.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import { parsed } from "./parsed.js";

const folder = mkdtempSync(join(tmpdir(), "dreamc-layout-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A small example with these entries of its config, and hooks of its own. */
function trainerOf(example: "gpt" | "llama", entries: string, hooks = ""): Program<"logical"> {
  const [trainer, config] = example === "gpt" ? ["LanguageModelTrainer", "LMConfig"] : ["LlamaTrainer", "LlamaConfig"];
  const file = join(folder, "trainer.ts");
  const language = resolve("examples", example, "language-model.js");
  writeFileSync(
    file,
    `import { type Batch, CallbackCollection, type DeviceMesh, distributedLaunch, OptimizeFSDP, pipelineParallel, rankZeroPrint } from "dreamc";
     import { ${trainer}, ${config} } from "${language}";
     const config = ${config}({ hiddenSize: 8, numLayers: 3, numHeads: 4, vocabSize: 11, sequenceLength: 5, ${entries} });
     class Trainer extends ${trainer} {
       ${hooks}
     }
     distributedLaunch(() => new Trainer(config).fit());`,
  );
  return evaluate(file, { checkTypes: false, parsed });
}
const devices = (example: "gpt" | "llama", entries: string): Program<"logical"> =>
  trainerOf(example, `deviceParameters: { ${entries} }`);

const usesOf = ({ layout }: Program): Record<string, unknown> =>
  Object.fromEntries([...layout.uses].map(([{ name }, mark]) => [name, mark]));

test("one rank asks for nothing", () => {
  const { layout, mesh } = devices("gpt", "");
  expect(layout).toEqual(defaultLayout);
  expect(mesh).toEqual(meshOf({ dpReplicate: "auto" }));
});

test("degrees make the mesh, and one that is auto leaves the replicas at one", () => {
  expect(devices("gpt", 'dpShard: "auto", tensorParallel: 2').mesh).toEqual(meshOf({ dpShard: "auto", tp: 2 }));
});

test.each(["gpt", "llama"] as const)(
  "the tensor-parallel plan of %s splits parameters and marks tensors",
  (example) => {
    const program = devices(example, "tensorParallel: 2, lossParallel: true");
    const uses = usesOf(program);
    expect(uses["model.tokenEmbedding.weight"]).toEqual({ tp: 0 });
    expect(uses["model.blocks.2.attn.qProj.weight"]).toEqual({ tp: 0 });
    expect(uses["model.blocks.1.attn.outProj.weight"]).toEqual({ tp: 1 });
    expect(uses["model.blocks.1.mlp.downProj.weight"]).toEqual({ tp: 1 });
    expect(uses["model.norm.weight"]).toBeUndefined();
    expect(Object.fromEntries(program.layout.marks)).toMatchObject({ "tp:1": { tp: 1 }, "tp:- from 1": { tp: null } });
    expect(program.layout.arrivals.get("tp:- from 1")).toEqual({ at: { tp: 1 }, mustBeSplit: false });
  },
);

test.each(["gpt", "llama"] as const)("blocks of %s stay one repeat under every technique", (example) => {
  const program = devices(example, "tensorParallel: 2, contextParallel: 2, dpShard: 2, activationCheckpointing: true");
  const { steps } = program.graphs.get("accumulationStep") ?? program.graphs.get("trainingStep")!;
  const blocks = steps.filter(
    (step) => step.kind === "repeat" && step.body.some(({ scope }) => scope.includes("attn")),
  );
  expect(blocks.map((step) => step.kind === "repeat" && step.count)).toEqual([3]);
});

test("units of FSDP hold what inner ones have not taken, repeated ones with a star", () => {
  const { layout, states } = trainerOf(
    "gpt",
    'deviceParameters: { dpShard: 2, reduceDtype: "bf16" }, callbacks: new CallbackCollection([new OptimizeFSDP({ prefetch: 2 })])',
  );
  expect(layout.prefetch).toBe(2);
  expect(layout.shardUnits!.map(({ path }) => path)).toEqual(["model.blocks.*", "model"]);
  const [blocks, rest] = layout.shardUnits!;
  expect(blocks).toMatchObject({ reshardAfterForward: true, reduceDtype: "bf16" });
  expect(rest).toMatchObject({ reshardAfterForward: false });
  expect(rest!.states.map(({ name }) => name)).toEqual([
    "model.tokenEmbedding.weight",
    "model.positionEmbedding.weight",
    "model.norm.weight",
    "model.norm.bias",
  ]);
  const all = [...blocks!.states, ...rest!.states];
  expect(new Set(all)).toEqual(new Set(states.filter(({ kind }) => kind === "parameter")));
  expect(all.length).toBe(new Set(all).size);
});

test("tokens are split along the sequence where they enter the model", () => {
  const { graphs, layout } = devices("gpt", "contextParallel: 2");
  expect(layout.marks.get("cp:1")).toEqual({ cp: 1 });
  const { steps } = graphs.get("trainingStep")!;
  const marked = steps.flatMap((step) => (step.kind === "op" && step.op.name === "mark" ? step.outputs : []));
  expect(marked.map(({ type }) => type)).toEqual([{ shape: [8, 5], dtype: "i32" }]);
});

test("everything that has no hook comes from the config", () => {
  const { layout, precision } = devices(
    "gpt",
    `compileModel: false, contextParallelRotateMethod: "allgather", activationMemoryBudget: 1000000, offloadOptimizer: true,
     activationCheckpointing: true, precision: "bf16", reduceDtype: "bf16"`,
  );
  expect(precision).toEqual({ compute: "bf16", reduce: "bf16" });
  expect(layout).toMatchObject({
    fusesKernels: false,
    rotateMethod: "allgather",
    memoryBudget: 1000000,
    offloadsOptimizer: true,
    recomputed: ["model.blocks.*"],
  });
  expect(devices("gpt", "asyncTensorParallel: true").layout.asyncTensorParallel).toBe(true);
});

test("placements are printed as they are decided", () => {
  const program = trainerOf(
    "gpt",
    "deviceParameters: { dpReplicate: 1, dpShard: 2, tensorParallel: 2 }",
    `override trainingStep(batch: Batch) {
       rankZeroPrint("weight", this.model.blocks.at(1).attn.outProj.weight.placements, "norm", this.model.norm.weight.placements);
       rankZeroPrint(batch.inputIds!.placements, this.deviceMesh.get("tp").size);
       return super.trainingStep(batch);
     }`,
  );
  const local = compileProgram(program);
  const lines = printProgram(local)
    .split("\n")
    .filter((line) => line.trim().startsWith("print"));
  expect(lines.map((line) => line.trim())).toMatchInlineSnapshot(`
    [
      "print "weight", "[" + "Shard(0)" + ", " + "Shard(1)" + "]", "norm", "[" + "Shard(0)" + ", " + "Replicate()" + "]"",
      "print "[" + "Shard(0)" + ", " + "Replicate()" + "]", 2",
      "print without end character(next.item())",
      "print without end character(10)",
    ]
  `);
});

test("stages come from the hook, or are balanced by cost", () => {
  const config = "deviceParameters: { pipelineParallel: 2, pipelineMicrobatches: 4 }";
  const byCost = trainerOf("gpt", config).layout.pipeline;
  expect(byCost).toEqual({ stages: null, schedule: "1f1b", numMicrobatches: 4, stagesPerRank: 1 });
  const hook = `override applyPipelineParallel(ppMesh: DeviceMesh) {
    const { tokenEmbedding, positionEmbedding, blocks, norm, head } = this.model;
    const [first, ...rest] = [...blocks];
    return pipelineParallel([[tokenEmbedding, positionEmbedding, first!], [...rest, norm, head]], ppMesh);
  }`;
  expect(trainerOf("gpt", config, hook).layout.pipeline!.stages).toEqual([
    ["model.tokenEmbedding", "model.positionEmbedding", "model.blocks.0"],
    ["model.blocks.1", "model.blocks.2", "model.norm", "model.head"],
  ]);
});
