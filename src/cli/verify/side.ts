// One of the two programs that are compared: built for its mesh, and run.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { emitProgram } from "../../../codegen/emit-program.js";
import { compileProgram } from "../../compile.js";
import type { NdArray } from "../../ir/nd.js";
import type { Program } from "../../ir/program.js";
import type { ScheduledProgram } from "../../ir/scheduled.js";
import { compileSources } from "../../native/compile-sources.js";
import { findToolchain } from "../../native/find-toolchain.js";
import { schedule } from "../../phases/4-schedule/schedule.js";
import { launchCommand, thisMachine } from "../launch.js";
import { readSafetensors } from "./safetensors.js";

export interface Side {
  /** Before it was placed. */
  readonly logical: Program<"logical">;
  readonly local: Program<"local">;
  readonly scheduled: ScheduledProgram;
  readonly numRanks: number;
}

export interface SideOptions {
  readonly observesValues: boolean;
  /** Done to the local program before it is scheduled: tests break it here. */
  readonly change: ((program: Program<"local">) => Program<"local">) | null;
}

/** Everything up to C++. */
export function prepareSide(traced: Program<"logical">, numRanks: number, options: SideOptions): Side {
  let logical = traced;
  const compiled = compileProgram(traced, {
    verifies: "every level",
    observesValues: options.observesValues,
    onPass: ({ level, program }) => {
      if (level === "logical") logical = program as Program<"logical">;
    },
  });
  const local = options.change?.(compiled) ?? compiled;
  return { logical, local, scheduled: schedule(local), numRanks };
}

export interface BuildSurroundings {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onCompileRuntime: () => void;
}

/** The program's file. */
export async function buildSide(
  { scheduled }: Side,
  name: string,
  { folder, signal, onCompileRuntime }: BuildSurroundings,
): Promise<string> {
  const sources = join(folder, `${name}-src`);
  mkdirSync(sources);
  for (const [file, text] of emitProgram(scheduled)) writeFileSync(join(sources, file), text);
  const program = join(folder, name);
  const toolchain = await findToolchain({ name: "cpu" });
  await compileSources({ toolchain, sources, program, signal, onCompileRuntime });
  return program;
}

export interface LoggedEvent {
  readonly event: "train" | "validation";
  readonly step: number;
  readonly metrics: { readonly [name: string]: number };
}
export interface SideRun {
  readonly events: readonly LoggedEvent[];
  /** By name, and behind it `@2` for those of the second step. */
  readonly gradients: ReadonlyMap<string, NdArray>;
  /** As they were before the first step. */
  readonly firstWeights: ReadonlyMap<string, NdArray>;
}

export interface BuiltSide {
  readonly program: string;
  /** For people. */
  readonly mesh: string;
  readonly numRanks: number;
}

/** A program that was to be compared ended with an error. */
export class ProgramFailed extends Error {
  override readonly name = "ProgramFailed";
  constructor(
    readonly mesh: string,
    readonly exitCode: number | null,
    readonly said: string,
  ) {
    super(said);
  }
}

/** Throws `ProgramFailed`. */
export async function runSide(built: BuiltSide, numSteps: number, signal: AbortSignal): Promise<SideRun> {
  const [metrics, gradients, weights] = ["metrics.jsonl", "gradients.safetensors", "weights.safetensors"].map(
    (end) => `${built.program}-${end}`,
  ) as [string, string, string];
  await start(built, ["--max-steps", "0", "--export", weights], signal);
  const dump = ["--dump-gradients", gradients, "--dump-steps", String(numSteps)];
  await start(built, ["--max-steps", String(numSteps), "--metrics", metrics, ...dump], signal);
  const events = readFileSync(metrics, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === "train" || event === "validation");
  return { events, gradients: readSafetensors(gradients), firstWeights: readSafetensors(weights) };
}

async function start(
  { program, mesh, numRanks }: BuiltSide,
  flags: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const [command, ...args] = launchCommand(program, flags, numRanks, thisMachine());
  const { failed, exitCode, stderr } = await execa(command, args, {
    stdin: "ignore",
    cancelSignal: signal,
    reject: false,
    env: { DREAM_PROGRESS: "lines" },
  });
  signal.throwIfAborted();
  if (failed) throw new ProgramFailed(mesh, exitCode ?? null, stderr.trim());
}
