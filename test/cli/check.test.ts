// `dreamc check` and `dreamc ir`: what they print of right and of wrong trainers.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runDreamc } from "./command-line.js";
import { temporaryFolder } from "./temporary-folder.js";

const mlp = "examples/mlp/trainer.ts";
const folder = temporaryFolder();
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
/** A trainer outside the repository: `dreamc` is the package that runs. */
const trainerWith = (model: string, step: string): string => `
import { AdamW, type Batch, DataLoader, distributedLaunch, DreamTrainer, DreamTrainerConfig, F, GeneratedDataset, nn, randn } from "dreamc";
class Tiny extends DreamTrainer {
  model!: nn.Linear;
  optimizer!: AdamW;
  override configureModels() { this.model = ${model}; }
  override configureOptimizers() { this.optimizer = new AdamW(this.model.parameters(), { lr: 0.01 }); }
  override configureDataloaders() {
    return new DataLoader(new GeneratedDataset(64, (n) => ({ x: randn([n, 4]), y: randn([n, 1]) })), { batchSize: 8 });
  }
  override trainingStep(batch: Batch) {
    ${step}
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
}
distributedLaunch(() => new Tiny(DreamTrainerConfig({})).fit());
`;
const right = "const loss = F.mseLoss(this.model.forward(batch.x!), batch.y!);";

describe("check", () => {
  test("a trainer in any folder: name, parameters, mesh", async () => {
    const file = write("tiny.ts", trainerWith("new nn.Linear(4, 1)", right));
    const { exitCode, out, error } = await runDreamc("check", file);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: "" });
    expect(out).toContain("Tiny: 5 parameters, f32");
    const json = await runDreamc("check", file, "--json");
    expect(JSON.parse(json.out)).toMatchObject({ name: "Tiny", numParameters: 5, mesh: { dpReplicate: "auto" } });
  });
  test("a fault of the trainer: its place as a code frame, exit code 1", async () => {
    const file = write("shapes.ts", trainerWith("new nn.Linear(5, 1)", right));
    const { exitCode, out, error } = await runDreamc("check", file);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
    expect(error).toMatch(/^error [a-z-]+: /);
    expect(error).toContain("shapes.ts:12:");
    expect(error).toContain(" 12 |     const loss = F.mseLoss(this.model.forward(batch.x!), batch.y!);");
    expect(error).toContain("~~");
    expect(error).not.toContain("\x1b");
    expect(error).not.toContain("    at ");
  });
  test("--json: one object a fault, with the calls that led there", async () => {
    const file = write("shapes-json.ts", trainerWith("new nn.Linear(5, 1)", right));
    const { exitCode, error } = await runDreamc("check", file, "--json");
    expect(exitCode).toBe(1);
    const diagnostic = JSON.parse(error);
    const own = [diagnostic.place, ...diagnostic.callers].filter((place) => place.file === file);
    expect(own.some(({ line, inside }) => line === 12 && inside.includes("trainingStep"))).toBe(true);
  });
  test("type errors are all reported", async () => {
    const file = write("types.ts", trainerWith("new nn.Linear(4)", `const loss: number = "x"; const two: string = 2;`));
    const { exitCode, error } = await runDreamc("check", file);
    expect(exitCode).toBe(1);
    expect(error.match(/^error TS\d+: /gm)!.length >= 3).toBe(true);
  });
  test("a file that launches nothing", async () => {
    const { exitCode, error } = await runDreamc("check", write("nothing.ts", "export const x = 1;\n"));
    expect(exitCode).toBe(1);
    expect(error).toContain("this file launches no trainer");
  });
});

describe("ir", () => {
  test("--list: the passes in order, with levels", async () => {
    const { exitCode, out } = await runDreamc("ir", mlp, "--list");
    expect(exitCode).toBe(0);
    const passes = out
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    expect(passes[0]!.slice(0, 2)).toEqual(["evaluate", "logical"]);
    expect(passes.map(([name]) => name)).toContain("differentiate");
    expect(passes.every(([, , milliseconds, unit]) => /^\d+$/.test(milliseconds!) && unit === "ms")).toBe(true);
  });
  test("--after: the program at that level; files are named from where dreamc was called", async () => {
    const { exitCode, out } = await runDreamc("ir", mlp, "--after", "evaluate");
    expect(exitCode).toBe(0);
    expect(out.split("\n")[0]).toBe(`logical program Regression of ${mlp}`);
    expect(out).toContain("parameter model.0.weight: f32[64, 8]");
    expect((await runDreamc("ir", mlp, "--after", "place")).out.split("\n")[0]).toContain("placed program");
  });
  test("--graph, --format", async () => {
    const text = await runDreamc("ir", mlp, "--after", "differentiate", "--graph", "trainingStep");
    expect(text.out).toContain("trainingStep");
    expect(text.out).not.toContain("initialize");
    const json = await runDreamc("ir", mlp, "--after", "differentiate", "--format", "json");
    expect(JSON.parse(json.out)).toMatchObject({ level: "logical", name: "Regression" });
    const dot = await runDreamc("ir", mlp, "--after", "differentiate", "--format", "dot", "--graph", "trainingStep");
    expect(dot.out).toMatch(/^digraph "?trainingStep"? \{/);
  });
  test("the last pass: launches and where every byte lies, as text alone", async () => {
    const { exitCode, out } = await runDreamc("ir", mlp);
    expect(exitCode).toBe(0);
    for (const line of [
      /^scheduled program Regression /,
      /^variant 0: pp 1, dpReplicate 1, .*; state \d+ bytes, arena \d+ bytes$/m,
      /^parameter model\.0\.weight: f32\[64, 8\] at byte \d+$/m,
      /^graph trainingStep \{$/m,
      /^ {2}call matmul \[.*\] read a = .*, write c = /m,
      /^ {2}kernel \w+ \[.*\] .*write /m,
      /^ {2}all-reduce sum over dpReplicate #\d+: /m,
      /^ {2}wait dpReplicate #\d+$/m,
    ])
      expect(out).toMatch(line);
    expect((await runDreamc("ir", mlp, "--format", "dot")).error).toContain("a scheduled program has no dot");
  });
  test("a pass or graph that there is not", async () => {
    const pass = await runDreamc("ir", mlp, "--after", "diferentiate");
    expect(pass).toEqual({
      exitCode: 2,
      out: "",
      error: "error: there is no pass diferentiate\nhelp: did you mean differentiate?\n",
    });
    const graph = await runDreamc("ir", mlp, "--after", "evaluate", "--graph", "trainStep");
    expect(graph.exitCode).toBe(2);
    expect(graph.error).toContain("help: did you mean trainingStep?");
  });
});
