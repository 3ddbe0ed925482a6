// A program built by dreamc as a contender: it is started anew for each turn, and its first steps do not count.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Contender } from "./contender.js";
import { inRepository, output, repository } from "./folders.js";

const compiler = join(repository, "dist", "src", "cli", "main.js");
const numWarmUp = 2;

export interface BuiltProgram {
  readonly program: string;
  readonly command: string;
  readonly seconds: number;
  readonly plannedBytes: number;
}

/** Builds `trainer` (a path in the repository) into a folder of its own; `isFresh`: as if never built before. */
export function build(trainer: string, { isFresh = false } = {}): BuiltProgram {
  const folder = join(output, "programs", trainer.replaceAll(/[/.]/g, "-"));
  if (isFresh) rmSync(folder, { recursive: true, force: true });
  const args = [compiler, "build", join(repository, trainer), "-o", folder, "--json"];
  const start = performance.now();
  const { program, manifest } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", cwd: repository }));
  const seconds = (performance.now() - start) / 1000;
  const { stateBytes, arenaBytes } = manifest.memory.find(({ worldSize }: { worldSize: number }) => worldSize === 1);
  return {
    program,
    command: inRepository(`node ${args.slice(0, -1).join(" ")}`),
    seconds,
    plannedBytes: stateBytes + arenaBytes,
  };
}

interface Run {
  readonly command: string;
  readonly stepSeconds: readonly number[];
  readonly peakBytes: number;
  /** From exec until the first step begins. */
  readonly startSeconds: number;
}

export async function runProgram(
  program: string,
  flags: readonly string[],
  numSteps: number,
  threads: number,
): Promise<Run> {
  const metrics = join(output, "metrics.jsonl");
  rmSync(metrics, { force: true });
  const args = ["--max-steps", String(numSteps), "--metrics", metrics, ...flags];
  const start = performance.now();
  let firstStepEnd = Number.NaN;
  const child = spawn(program, args, {
    cwd: repository,
    env: { ...process.env, OMP_NUM_THREADS: String(threads) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  // The first line of the metrics file says that the first step has ended.
  const watch = setInterval(() => {
    if (existsSync(metrics) && statSync(metrics).size > 0) {
      firstStepEnd = performance.now();
      clearInterval(watch);
    }
  }, 4);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  const events = readFileSync(metrics, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const stepSeconds: number[] = events.filter(({ event }) => event === "train").map((event) => event.stepSeconds);
  if (stepSeconds.length !== numSteps) throw new Error(`${program} made ${stepSeconds.length} steps, not ${numSteps}`);
  return {
    command: inRepository(`OMP_NUM_THREADS=${threads} ${[program, ...args].join(" ")}`),
    stepSeconds,
    peakBytes: events.find(({ event }) => event === "end").peakBytes,
    startSeconds: (firstStepEnd - start) / 1000 - stepSeconds[0]!,
  };
}

export function startDreamc({ program }: BuiltProgram, threads: number): Contender {
  let peak = 0;
  let firstStep = Number.NaN;
  let command = "";
  return {
    name: "dreamc",
    get command() {
      return command;
    },
    async run(numSteps) {
      const run = await runProgram(program, [], numWarmUp + numSteps, threads);
      peak = Math.max(peak, run.peakBytes);
      firstStep = run.startSeconds + run.stepSeconds[0]!;
      command = run.command;
      return run.stepSeconds.slice(numWarmUp);
    },
    peakBytes: () => peak,
    firstStepSeconds: () => firstStep,
    end: async () => {},
  };
}
