// A parity trainer as a program: built once, then run on a reference's weights and tokens.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchCommand, thisMachine } from "../../src/cli/launch.js";
import { readSafetensors } from "../../src/cli/verify/safetensors.js";
import { runDreamc } from "../cli/command-line.js";
import type { ParityRun } from "./compare.js";
import { trainerFile } from "./interpreted.js";
import type { Reference } from "./reference.js";

/** A folder for one test file; the caller removes it. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "dreamc-pytorch-"));
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

export interface Built {
  readonly program: string;
  readonly folder: string;
}

export async function buildTrainer(name: string, within: string): Promise<Built> {
  const folder = join(within, name);
  const { exitCode, out, error } = await runDreamc("build", trainerFile(name), "-o", folder, "--json");
  if (exitCode !== 0) throw new Error(`dreamc build of ${name} ended with ${exitCode}:\n${error}`);
  return { program: JSON.parse(out).program, folder };
}

/** Runs it on the reference's weights and tokens. Throws what the program says where it fails. */
export function runBuilt({ program }: Built, reference: Reference, flags: readonly string[], numRanks = 1): string {
  const given = ["--set", `datasetPath=${reference.tokensFolder}`, "--init-from", reference.weightsFile, ...flags];
  const [file, ...args] = launchCommand(program, given, numRanks, thisMachine());
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
}

/** Metrics of every training step, in order. */
export function trainCurves(metricsFile: string): Pick<ParityRun, "losses" | "gradNorms"> {
  const events = readFileSync(metricsFile, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === "train");
  events.forEach(({ step }, i) => {
    if (step !== i + 1) throw new Error(`${metricsFile}: step ${step} is in place ${i + 1}`);
  });
  // What is no number becomes NaN, which no comparison takes.
  const number = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);
  return {
    losses: events.map(({ metrics }) => number(metrics.loss)),
    gradNorms: events.map(({ metrics }) => number(metrics.gradNorm)),
  };
}

export interface ParityFiles {
  /** Weights, and the logits buffer, after one step. */
  readonly exported: string;
  readonly gradients: string;
}
export const parityFiles = ({ folder }: Built): ParityFiles => ({
  exported: join(folder, "exported.safetensors"),
  gradients: join(folder, "gradients.safetensors"),
});

/** Logits and gradients of the first step, then the losses of as many steps as the reference has. */
export function runParity(built: Built, reference: Reference): ParityRun {
  const { exported, gradients } = parityFiles(built);
  const metrics = join(built.folder, "metrics.jsonl");
  runBuilt(built, reference, ["--max-steps", "1", "--export", exported, "--dump-gradients", gradients]);
  runBuilt(built, reference, ["--max-steps", String(reference.expected.losses.length), "--metrics", metrics]);
  const logits = readSafetensors(exported).get("logits.value");
  if (!logits) throw new Error("the exported file has no logits");
  return { logits, gradients: readSafetensors(gradients), ...trainCurves(metrics) };
}
