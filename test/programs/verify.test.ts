// `dreamc verify`: programs that are equal, one whose collective was taken out, and ones that cannot be compared.
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describeVerified, verifiedJson } from "../../src/cli/verify/describe-verified.js";
import { type Verified, verifyTrainer } from "../../src/cli/verify/verify-trainer.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { runDreamc } from "../cli/command-line.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { mutantsOf } from "../partition/mutants.js";

const folder = temporaryFolder();
const mlp = "examples/mlp/trainer.ts";
const small = { hiddenSize: "8", numHeads: "2", numLayers: "3", vocabSize: "11", sequenceLength: "7" };
const settings = new Map(Object.entries({ ...small, "trainingParameters.trainBatchSize": "4" }));

test("equal programs: a table, and exit code 0", async () => {
  const { exitCode, out, error } = await runDreamc("verify", mlp, "--mesh", "dp=2", "--steps", "2");
  expect(error).not.toContain("error");
  expect(out).toMatch(/^Regression: dpReplicate 2 \(2 ranks\) against one device, 2 steps, float32\n/);
  expect(out).toMatch(/\n {2}2 {5}gradNorm {2}0\.\d+ +0\.\d+ +\S+\n/);
  expect(out).toMatch(/\n {2}4 gradients in 2 steps: off by \S+ at most/);
  expect(out).toContain("first weights: the same to the last bit\n");
  expect(out).toMatch(/\nequal\n$/);
  expect(exitCode).toBe(0);
});

test("as JSON, one object", async () => {
  const { exitCode, out, error } = await runDreamc("verify", mlp, "--mesh", "dpShard=2", "--steps", "1", "--json");
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: "" });
  const found = JSON.parse(out);
  expect(found).toMatchObject({ isEqual: true, numRanks: 2, degrees: { dpShard: 2, tp: 1 }, difference: null });
  expect(found.comparison.gradients.map(({ name }: { name: string }) => name)).toContain("model.0.weight");
});

/** Without the all-reduce that makes a layer's gradient whole. */
function withoutReduction(local: Program<"local">): Program<"local"> {
  const graph = local.graphs.get("trainingStep")!;
  const inside = graph.steps.flatMap((step) => (step.kind === "repeat" ? step.body : []));
  const id = inside
    .flatMap((step) => (step.kind === "move" ? step.inputs : []))
    .find(({ name }) => name === "grad.vProj.bias")?.id;
  const mutant = mutantsOf(graph, ["dpReplicate"]).find(
    ({ fault, what }) => fault === "left out" && what === `all-reduce of %${id} over dpReplicate`,
  );
  return { ...local, graphs: new Map([...local.graphs, [graph.name, mutant!.graph]]) };
}

describe("a program without one of its collectives", () => {
  const verify = async (change: (local: Program<"local">) => Program<"local">): Promise<Verified> => {
    const result = await verifyTrainer(
      {
        path: "examples/gpt/trainer.ts",
        mesh: degreesOf(meshOf({ dpReplicate: 2 })),
        ...{ settings, numSteps: 1, change, onProgress: () => {} },
      },
      { folder, signal: new AbortController().signal, onCompileRuntime: () => {} },
    );
    if (result.kind === "failed") throw new Error(result.said);
    return result;
  };

  test("differs first in the value that it would have made whole", async () => {
    const result = await verify(withoutReduction);
    expect(result.isEqual).toBe(false);
    const differing = result.comparison.gradients.filter(({ isEqual }) => !isEqual).map(({ name }) => name);
    expect(differing).toEqual([0, 1, 2].map((i) => `model.blocks.${i}.attn.vProj.bias`));
    const { step, graph, seen, collective, numEqual } = result.difference!;
    expect({ step, graph, name: seen.value.name }).toEqual({ step: 1, graph: "trainingStep", name: "grad.vProj.bias" });
    expect(seen.scope).toBe("model.blocks.*.attn.vProj");
    expect(seen.rounds).toEqual([{ round: 0, count: 3 }]);
    expect(collective!.move).toMatchObject({ what: "all-reduce", axis: "dpReplicate" });
    expect(numEqual > 100).toBe(true);
    const text = describeVerified(result, false);
    expect(text).toContain("\ndifferent\n");
    expect(text).toContain("random data: there is no data/corpus/manifest.json");
    expect(text).toMatch(/in step 1, grad\.vProj\.bias is the first value that differs .*, round 1 of 3\n/);
    expect(text).toMatch(/\n {2}examples\/gpt\/model\.ts:\d+:\d+\n/);
    expect(text).toContain("this.attn.forward(");
    expect(verifiedJson(result)).toMatchObject({
      isEqual: false,
      difference: { id: "verify-differs", value: "grad.vProj.bias", collective: { kind: "all-reduce" } },
    });
  });
});

test("a program that ends with an error: what it says, and exit code 1", async () => {
  const tokens = join(mkdtempSync(join(folder, "tokens-")), "tokens");
  mkdirSync(tokens);
  writeFileSync(join(tokens, "manifest.json"), JSON.stringify({ format: "dreamc-tokens", version: 1, vocabSize: 2 }));
  const set = [...settings, ["datasetPath", tokens]].flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const { exitCode, out, error } = await runDreamc("verify", "examples/llama/trainer.ts", "--mesh", "dp=2", ...set);
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
  expect(error).toMatch(
    /^the program for one device ended with exit code 1, and said:\nerror: .*manifest\.json has no split/,
  );
});

test.each([
  [["--mesh", "tq=2"], 'error: a mesh has no axis "tq"\nhelp: did you mean tp?\n'],
  [["--mesh", "tp=0"], 'error: the degree of tp is a whole number from 1, not "0"\nhelp: --mesh tp=2,dpShard=2\n'],
  [["--mesh", "tp=2,tensorParallel=2"], "error: --mesh names tp twice\n"],
  [["--mesh", "tp=1"], "error: one rank is one device already: there is nothing to compare\nhelp: name a mesh: --mesh"],
  [["--steps", "0"], "It is a whole number from 1."],
  [["--set", "vocabSize"], 'error: --set takes key=value, not "vocabSize"\n'],
  [["--set", "vocabsize=3"], "error: the config has no vocabsize\nhelp: did you mean vocabSize?\n"],
  [
    ["--set", "hiddenSize=65536", "--set", "numHeads=64", "--mesh", "dp=2"],
    /^error: this program is too large to be verified here: it needs .* GiB .* operations a step\nhelp: set some of these smaller with --set: trainingParameters.trainBatchSize=16, vocabSize=256, hiddenSize=65536/,
  ],
] as const)("%j", async (args, says) => {
  const { exitCode, out, error } = await runDreamc("verify", "examples/gpt/trainer.ts", ...args);
  if (typeof says === "string") expect(error).toContain(says);
  else expect(error).toMatch(says);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
});

test("a value that the schema refuses is a fault of the trainer's config", async () => {
  const { exitCode, error } = await runDreamc("verify", "examples/gpt/trainer.ts", "--set", "vocabSize=many");
  expect(error).toContain("config vocabSize: ");
  expect(exitCode).toBe(1);
});

test("nothing is left behind", () => {
  const mine = readdirSync(tmpdir()).filter((name) => new RegExp(`^dreamc-verify-.*-${process.pid}$`).test(name));
  expect(mine).toEqual([]);
});
