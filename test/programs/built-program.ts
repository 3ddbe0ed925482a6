// Programs of logical programs, built by g++ and run: what they log, and the gradients of their first step.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emitProgram } from "../../codegen/emit-program.js";
import { launchCommand, thisMachine } from "../../src/cli/launch.js";
import { readSafetensors } from "../../src/cli/verify/safetensors.js";
import { compileProgram } from "../../src/compile.js";
import type { NdArray } from "../../src/ir/nd.js";
import type { Program } from "../../src/ir/program.js";
import { compileSources } from "../../src/native/compile-sources.js";
import { findToolchain } from "../../src/native/find-toolchain.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";

export interface BuiltProgram {
  /** The program as it was before it was placed: what the interpreter runs. */
  readonly logical: Program<"logical">;
  readonly file: string;
  readonly folder: string;
}

export async function buildProgram(traced: Program<"logical">, folder: string): Promise<BuiltProgram> {
  let logical = traced;
  const local = compileProgram(traced, {
    verifies: "every level",
    onPass: ({ program }) => {
      if (program.level === "logical") logical = program as Program<"logical">;
    },
  });
  const sources = join(folder, "src");
  mkdirSync(sources, { recursive: true });
  for (const [name, text] of emitProgram(schedule(local))) writeFileSync(join(sources, name), text);
  const file = join(folder, "program");
  await compileSources({ toolchain: await findToolchain({ name: "cpu" }), sources, program: file });
  return { logical, file, folder };
}

export interface ProgramRun {
  /** Metrics of each training step. */
  readonly steps: readonly { readonly [metric: string]: number }[];
  readonly gradients: ReadonlyMap<string, NdArray>;
}

/** Throws what the program says where it fails. */
export function runBuilt({ file, folder }: BuiltProgram, flags: readonly string[], numRanks: number): ProgramRun {
  const metrics = join(folder, `metrics-${numRanks}.jsonl`);
  const gradients = join(folder, `gradients-${numRanks}.safetensors`);
  const asked = [...flags, "--metrics", metrics, "--dump-gradients", gradients];
  const [command, ...args] = launchCommand(file, asked, numRanks, thisMachine());
  execFileSync(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  const events = readFileSync(metrics, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return {
    steps: events.filter(({ event }) => event === "train").map((event) => event.metrics),
    gradients: readSafetensors(gradients),
  };
}
