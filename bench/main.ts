// The benchmark: what trains how fast on this machine, beside PyTorch and beside what the machine can do at all. Tables go
// to the terminal, everything that was measured to build/bench/results.json.
//
//   npm run bench -- [--rounds N] [--steps N] [--threads N] [--only gpt2-f32,gpt2-bf16,character,build,lean,traffic]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildTimes, showBuildTimes } from "./build-times.js";
import type { Contender } from "./contender.js";
import { build, startDreamc } from "./dreamc-contender.js";
import { buildFloor } from "./floor.js";
import { output, repository } from "./folders.js";
import { measureLeanness, measureMemory, showLeanness, showMeasuredMemory } from "./lean.js";
import { character, gpt2, type Model, type Precision } from "./models.js";
import { startPyTorch } from "./pytorch-contender.js";
import { type Race, race, showRace } from "./race.js";
import { countTraffic, showTraffic } from "./traffic.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "4" },
    threads: { type: "string", default: "2" },
    only: { type: "string", default: "gpt2-f32,gpt2-bf16,character,build,lean,traffic" },
    python: { type: "string" },
  },
});
const [rounds, stepsPerRound, threads] = [Number(values.rounds), Number(values.steps), Number(values.threads)];
const parts = new Set(values.only.split(","));

const results: { [part: string]: unknown } = {
  machine: { processor: cpus()[0]!.model, cores: cpus().length, memoryBytes: totalmem(), threads },
};
const keep = (part: string, text: string, result: unknown): void => {
  console.log(`\n${text}`);
  results[part] = result;
  writeFileSync(join(output, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
};

function prepareData(tokenizer: "gpt2" | "bytes", folder: string): void {
  if (existsSync(join(output, folder, "manifest.json"))) return;
  const compiler = join(repository, "dist", "src", "cli", "main.js");
  const text = join(repository, "node_modules", "typescript", "lib");
  const files = ["lib.dom.d.ts", "lib.es5.d.ts", "typescript.d.ts"].map((name) => join(text, name));
  const args = ["data", "prepare", ...files, "--tokenizer", tokenizer, "-o", join(output, folder)];
  execFileSync(process.execPath, [compiler, ...args], { stdio: "inherit" });
}

async function raceOf(model: Model, precision: Precision, trainer: string, alsoOneThread: boolean): Promise<Race> {
  const built = build(trainer);
  const threadCounts = alsoOneThread && threads > 1 ? [threads, 1] : [threads];
  const contenders: Contender[] = [];
  for (const mode of ["eager", "compiled"] as const)
    for (const count of threadCounts)
      contenders.push(await startPyTorch(model, { python: findPython(), mode, precision, threads: count }));
  contenders.push(startDreamc(built, threads));
  // Steps of a small model are over at once: more of them make a turn.
  const steps = alsoOneThread ? 25 * stepsPerRound : stepsPerRound;
  const result = await race(model, precision, contenders, {
    rounds,
    stepsPerRound: steps,
    threads,
    plannedBytes: built.plannedBytes,
  });
  for (const contender of contenders) await contender.end();
  return result;
}

/** A Python with PyTorch, which is installed the first time. */
let knownPython = values.python ?? process.env.DREAMC_TORCH_PYTHON;
function findPython(): string {
  const found = () => execFileSync("bash", [join(repository, "scripts", "torch.sh")], { encoding: "utf8" }).trim();
  knownPython ??= found();
  return knownPython;
}

mkdirSync(output, { recursive: true });
if (["gpt2-f32", "gpt2-bf16", "character"].some((part) => parts.has(part))) await buildFloor();
if (["gpt2-f32", "gpt2-bf16", "build"].some((part) => parts.has(part))) prepareData("gpt2", "tokens");
prepareData("bytes", "bytes");
console.log(`${cpus()[0]!.model}, ${cpus().length} cores, ${threads} threads; medians of ${rounds} rounds`);
for (const precision of ["f32", "bf16"] as const) {
  if (!parts.has(`gpt2-${precision}`)) continue;
  const trainer = precision === "f32" ? "bench/trainers/gpt2.ts" : "bench/trainers/gpt2-bf16.ts";
  const result = await raceOf(gpt2, precision, trainer, false);
  keep(`gpt2-${precision}`, showRace(result), result);
}
if (parts.has("character")) {
  const result = await raceOf(character, "f32", "bench/trainers/character.ts", true);
  keep("character", showRace(result), result);
}
if (parts.has("build")) {
  const times = await buildTimes(3);
  keep("build", showBuildTimes(times), times);
}
if (parts.has("lean")) {
  const [found, measured] = [measureLeanness(), measureMemory()];
  keep("lean", `${showLeanness(found)}\n${showMeasuredMemory(measured)}`, { found, measured });
}
if (parts.has("traffic")) {
  const found = countTraffic(findPython());
  keep("traffic", showTraffic(found), found);
}
console.log(`\n${join(output, "results.json")}`);
