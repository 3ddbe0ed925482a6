// `dreamc build` and `dreamc run`: what lies in the folder, that nothing is stale, that nothing is half-written.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { compiledDreamc } from "../compiled.js";
import { runDreamc } from "./command-line.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
const trainer = join(folder, "tiny.ts");
const model = join(folder, "model.ts");
const out = join(folder, "out");
const launcher = (steps: number): string => `
import { AdamW, type Batch, DataLoader, distributedLaunch, DreamTrainer, DreamTrainerConfig, F, GeneratedDataset, nn, randn } from "dreamc";
import { makeModel } from "./model.js";
class Tiny extends DreamTrainer {
  model!: nn.Linear;
  optimizer!: AdamW;
  override configureModels() { this.model = makeModel(); }
  override configureOptimizers() { this.optimizer = new AdamW(this.model.parameters(), { lr: 0.01 }); }
  override configureDataloaders() {
    return new DataLoader(new GeneratedDataset(${8 * steps}, (n) => ({ x: randn([n, 4]), y: randn([n, 1]) })), { batchSize: 8 });
  }
  override trainingStep(batch: Batch) {
    const loss = F.mseLoss(this.model.forward(batch.x!), batch.y!);
    this.backward(loss);
    return { loss, gradNorm: this.step(this.model, this.optimizer) };
  }
}
distributedLaunch(() => new Tiny(DreamTrainerConfig({})).fit());
`;
const modelOf = (bias: boolean): string =>
  `import { nn } from "dreamc";\nexport const makeModel = () => new nn.Linear(4, 1, { bias: ${bias} });\n`;
const build = async (...options: readonly string[]): Promise<string> => {
  const { exitCode, out: printed, error } = await runDreamc("build", trainer, "-o", out, ...options);
  expect({ exitCode, error: error.replace(/^compiling the runtime.*\n/, "") }).toEqual({ exitCode: 0, error: "" });
  return printed;
};

beforeAll(async () => {
  writeFileSync(trainer, launcher(20));
  writeFileSync(model, modelOf(true));
  expect(await build()).toContain("built in");
});

describe("the folder", () => {
  test("holds the program, its sources, its manifest", () => {
    expect(readdirSync(out).sort()).toEqual([".built-from.json", "manifest.json", "src", "tiny"]);
    expect(readdirSync(join(out, "src"))).toEqual(
      expect.arrayContaining([
        "program.cpp",
        "host.cpp",
        "host.h",
        "graphs.h",
        "graph-trainingStep.cpp",
        "graph-initialize.cpp",
      ]),
    );
    expect(statSync(join(out, "tiny")).mode & 0o111).not.toBe(0);
    expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"))).toMatchObject({
      format: "dreamc-program",
      name: "Tiny",
      program: "tiny",
      target: "cpu",
      numParameters: 5,
      mesh: { dpReplicate: "auto" },
      smallestWorldSize: 1,
      parameters: [
        { paths: ["model.weight"], shape: [1, 4], dtype: "f32" },
        { paths: ["model.bias"], shape: [1], dtype: "f32" },
      ],
    });
  });
  test("has a CMakeLists.txt that CMake takes", async () => {
    const again = join(folder, "again");
    await promisify(execFile)("cmake", ["-S", join(out, "src"), "-B", again]);
    expect(readFileSync(join(again, "Makefile"), "utf8")).toMatch(/^Tiny:/m);
  });
  test("names no temporary folder", () => {
    for (const name of readdirSync(join(out, "src")))
      expect(readFileSync(join(out, "src", name), "utf8")).not.toContain("unfinished");
  });
});

describe("a second build", () => {
  const rebuilds = async (): Promise<boolean> => !(await build()).includes("nothing to do");

  test("does nothing, and says where the program is", async () => {
    // dreamc's own sources may have changed since the first one.
    await build();
    const before = statSync(join(out, "tiny")).mtimeMs;
    expect(await build()).toContain("nothing to do");
    expect(statSync(join(out, "tiny")).mtimeMs).toBe(before);
  });
  test("is made where an imported file changed", async () => {
    writeFileSync(model, modelOf(false));
    expect(await rebuilds()).toBe(true);
    expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).numParameters).toBe(4);
    expect(await rebuilds()).toBe(false);
  });
  test("is made where a new file hides one that was found", async () => {
    mkdirSync(join(folder, "node_modules", "dreamc"), { recursive: true });
    const inner = join(folder, "shadow");
    mkdirSync(inner);
    writeFileSync(join(inner, "trainer.ts"), launcher(20));
    mkdirSync(join(inner, "model"));
    writeFileSync(join(inner, "model", "index.ts"), modelOf(true));
    const shadowed = join(folder, "shadowed");
    const buildInner = async (): Promise<string> =>
      (await runDreamc("build", join(inner, "trainer.ts"), "-o", shadowed)).out;
    // `./model.js` means model.ts, whatever else there is.
    writeFileSync(join(inner, "model.ts"), modelOf(false));
    expect(await buildInner()).toContain("4 parameters");
    expect(await buildInner()).toContain("nothing to do");
    rmSync(join(inner, "model.ts"));
    writeFileSync(join(inner, "model.ts"), modelOf(true));
    expect(await buildInner()).toContain("5 parameters");
  });
  test("is made where the program or a source was changed or removed", async () => {
    for (const name of ["tiny", join("src", "host.cpp"), ".built-from.json"]) {
      writeFileSync(join(out, name), "changed");
      expect(await rebuilds(), name).toBe(true);
    }
    rmSync(join(out, "src", "program.cpp"));
    expect(await rebuilds()).toBe(true);
    expect(await rebuilds()).toBe(false);
  });
  test("is made with other options, and keeps what is not dreamc's", async () => {
    writeFileSync(join(out, "notes.txt"), "mine");
    await build("--dump-ir");
    expect(readdirSync(join(out, "ir"))).toContain("01-evaluate.txt");
    await build();
    expect(existsSync(join(out, "ir"))).toBe(false);
    expect(readFileSync(join(out, "notes.txt"), "utf8")).toBe("mine");
  });
});

describe("faults leave what was there", () => {
  const snapshot = (): readonly string[] => readdirSync(folder).sort();

  test("an error of the trainer", async () => {
    const before = snapshot();
    const program = readFileSync(join(out, "tiny"));
    writeFileSync(trainer, launcher(20).replace("batch.y!", "batch.y!.view([3])"));
    const { exitCode } = await runDreamc("build", trainer, "-o", out);
    expect(exitCode).toBe(1);
    writeFileSync(trainer, launcher(20));
    expect(snapshot()).toEqual(before);
    expect(readFileSync(join(out, "tiny")).equals(program)).toBe(true);
  });
  test("a folder of something else, a file, a place that cannot be written", async () => {
    const foreign = join(folder, "foreign");
    mkdirSync(foreign, { recursive: true });
    writeFileSync(join(foreign, "thesis.tex"), "years of work");
    for (const [place, says] of [
      [foreign, "holds other things"],
      [trainer, "is a file"],
      [join(trainer, "out"), "cannot write to"],
      ["/proc/nothing/out", "cannot write to"],
    ] as const) {
      const { exitCode, error } = await runDreamc("build", trainer, "-o", place);
      expect(error).toContain(says);
      expect(exitCode).toBe(2);
    }
    expect(readdirSync(foreign)).toEqual(["thesis.tex"]);
  });
  test("no compiler: exit code 3", async () => {
    const before = process.env.CXX;
    process.env.CXX = "/nowhere/g++";
    try {
      const { exitCode, error } = await runDreamc("build", trainer, "-o", join(folder, "uncompiled"));
      expect(error).toContain("g++ is not on this machine");
      expect(error).toContain("dreamc doctor");
      expect(exitCode).toBe(3);
      expect(existsSync(join(folder, "uncompiled"))).toBe(false);
    } finally {
      if (before === undefined) delete process.env.CXX;
      else process.env.CXX = before;
    }
  });
  test("a signal in the middle", async () => {
    // Another program than before, so that there is something to compile.
    writeFileSync(trainer, launcher(30 + Math.floor(Math.random() * 1000)));
    const interrupted = join(folder, "interrupted");
    const child = spawn(process.execPath, [compiledDreamc(), "build", trainer, "-o", join(interrupted, "out")]);
    const ended = new Promise((resolve) => child.once("exit", (_, by) => resolve(by)));
    const unfinished = (): string | undefined => (existsSync(interrupted) ? readdirSync(interrupted)[0] : undefined);
    for (let tries = 0; tries < 4000 && !existsSync(join(interrupted, unfinished() ?? ".", "src")); tries++)
      await setTimeout(5);
    child.kill("SIGTERM");
    expect(await ended).toBe("SIGTERM");
    expect(readdirSync(interrupted)).toEqual([]);
    writeFileSync(trainer, launcher(20));
  });
});

describe("run", () => {
  const run = (
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [compiledDreamc(), "run", trainer, "-o", out, ...args]);
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (data) => {
        stdout += data;
      });
      child.stderr.on("data", (data) => {
        stderr += data;
      });
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });

  test("starts ranks, hands on flags, gives the program's exit code", async () => {
    const metrics = join(folder, "metrics.jsonl");
    const two = await run("-n", "2", "--", "--max-steps", "3", "--metrics", metrics);
    expect(two.code).toBe(0);
    expect(two.stdout).toContain("step 1 ");
    const events = readFileSync(metrics, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter(({ event }) => event === "train").length).toBe(3);
    const one = await run("--", "--max-steps", "3");
    expect(one.code).toBe(0);
    // All but the speed, which has its own columns.
    const numbers = (text: string): string => /loss \S+ {2}gradNorm \S+/.exec(text)![0];
    expect(numbers(one.stdout)).toBe(numbers(two.stdout));
  });
  test.each([1, 2])("SIGTERM ends %i ranks after their step", async (numRanks) => {
    writeFileSync(trainer, launcher(1_000_000));
    const metrics = join(folder, `ended-${numRanks}.jsonl`);
    const args = [compiledDreamc(), "run", trainer, "-o", out, "-n", String(numRanks), "--", "--metrics", metrics];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const lines = (): number => (existsSync(metrics) ? readFileSync(metrics, "utf8").split("\n").length : 0);
    for (let tries = 0; tries < 12_000 && lines() < 3; tries++) await setTimeout(5);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(JSON.parse(readFileSync(metrics, "utf8").trim().split("\n").at(-1)!)).toMatchObject({ event: "end" });
    writeFileSync(trainer, launcher(20));
  });
  test("a flag that the program does not have", async () => {
    const { code, stderr } = await run("--", "--max-step", "3");
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean --max-steps?");
  });
});
