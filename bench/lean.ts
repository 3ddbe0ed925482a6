// How lean a program is: for GPT-2's shapes on eight ranks, what each way of spreading sends in a step beside the textbook's
// formula, and what a rank holds. All of it is counted from compiled programs (`dreamc plan`); nothing runs at full size.
// A small program then runs on two ranks, and what it had in memory is put beside its plan.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { RankPlan } from "../src/cli/program/plan.js";
import { inRepository, output, repository } from "./folders.js";
import { type Shape, type Technique, textbookMemory, textbookTraffic } from "./lean-formulas.js";
import { showTable } from "./table.js";

/** GPT-2 medium: its sixteen heads divide by eight. The vocabulary is padded to a multiple of 128, as is usual. */
export const shape: Shape = { batch: 8, sequence: 1024, hidden: 1024, layers: 24, vocabulary: 50304 };
const numHeads = 16;

const plain: Technique = {
  dpReplicate: 1,
  dpShard: 1,
  cp: 1,
  tp: 1,
  isLossParallel: false,
  rotateMethod: "alltoall",
  isCheckpointed: false,
  prefetch: 1,
};
/** Each on eight ranks. */
export const techniques: { readonly [name: string]: Technique } = {
  "data parallel": { ...plain, dpReplicate: 8 },
  FSDP: { ...plain, dpShard: 8 },
  "FSDP, blocks recomputed": { ...plain, dpShard: 8, isCheckpointed: true },
  "HSDP 2x4": { ...plain, dpReplicate: 2, dpShard: 4 },
  "tensor and sequence parallel": { ...plain, tp: 8 },
  "the same, loss parallel": { ...plain, tp: 8, isLossParallel: true },
  "context parallel, ring": { ...plain, cp: 8 },
  "context parallel, gathered": { ...plain, cp: 8, rotateMethod: "allgather" },
  "FSDP 4, TP 2, loss parallel": { ...plain, dpShard: 4, tp: 2, isLossParallel: true },
  "FSDP 4, CP 2": { ...plain, dpShard: 4, cp: 2 },
  "HSDP 2x2, TP 2, loss parallel": { ...plain, dpReplicate: 2, dpShard: 2, tp: 2, isLossParallel: true },
  "FSDP 2, CP 2, TP 2, loss parallel": { ...plain, dpShard: 2, cp: 2, tp: 2, isLossParallel: true },
};

export interface Leanness {
  readonly name: string;
  readonly technique: Technique;
  readonly plan: RankPlan;
  /** Elements by axis. */
  readonly sent: { readonly [axis: string]: number };
  readonly textbook: { readonly [axis: string]: number };
  readonly memory: ReturnType<typeof textbookMemory>;
}

const compiler = join(repository, "dist", "src", "cli", "main.js");
const trainer = join(repository, "examples", "gpt", "trainer.ts");

/** Config values of `examples/gpt`. */
export function settingsOf(technique: Technique, { batch, sequence, hidden, layers, vocabulary }: Shape) {
  const { dpReplicate, dpShard, cp, tp, isLossParallel, rotateMethod, isCheckpointed } = technique;
  return {
    vocabSize: vocabulary,
    hiddenSize: hidden,
    numLayers: layers,
    numHeads,
    sequenceLength: sequence,
    "trainingParameters.trainBatchSize": batch,
    "deviceParameters.dpReplicate": dpReplicate,
    "deviceParameters.dpShard": dpShard,
    "deviceParameters.contextParallel": cp,
    "deviceParameters.tensorParallel": tp,
    "deviceParameters.lossParallel": isLossParallel,
    "deviceParameters.contextParallelRotateMethod": rotateMethod,
    "deviceParameters.activationCheckpointing": isCheckpointed,
  };
}

export function leannessOf(name: string, technique: Technique, of: Shape, plan: RankPlan): Leanness {
  const sent: { [axis: string]: number } = {};
  for (const { axis, elements } of plan.step.traffic) sent[axis] = (sent[axis] ?? 0) + elements;
  const [textbook, memory] = [textbookTraffic(of, technique), textbookMemory(of, technique)];
  return { name, technique, plan, sent, textbook, memory };
}

/** Throws an `Error` where a technique does not compile. */
export const measureLeanness = (): readonly Leanness[] =>
  Object.entries(techniques).map(([name, technique]) => {
    const set = Object.entries(settingsOf(technique, shape)).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const args = [compiler, "plan", trainer, "--json", ...set];
    const [plan] = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", cwd: repository }));
    return leannessOf(name, technique, shape, plan as RankPlan);
  });

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
const besides = (ours: number, formula: number): string =>
  ours === formula ? `${megabytes(ours)} =` : `${megabytes(ours)} (${megabytes(formula)})`;

export function showLeanness(found: readonly Leanness[]): string {
  const traffic = found.flatMap(({ name, sent, textbook }) =>
    [...new Set([...Object.keys(sent), ...Object.keys(textbook)])].map((axis) => {
      const [ours, formula] = [sent[axis] ?? 0, textbook[axis] ?? 0];
      const says = Math.abs(ours - formula) < 0.01 ? "equal" : `${((100 * (ours - formula)) / formula).toFixed(1)} %`;
      return [name, axis, (4 * ours).toLocaleString("en"), (4 * formula).toLocaleString("en"), says];
    }),
  );
  const memory = found.map(({ name, plan, memory: formula }) => [
    name,
    megabytes(plan.stateBytes + plan.arenaBytes),
    besides(plan.memory.parameters, formula.parameters),
    besides(plan.memory.optimizer, formula.optimizer),
    besides(plan.step.mostOf.gradients, formula.gradients),
    besides(plan.step.mostOf.gathered, formula.gathered),
    megabytes(plan.step.mostOf["in flight"]),
    megabytes(plan.step.mostOf.activations),
  ]);
  const { batch, sequence, hidden, layers, vocabulary } = shape;
  return [
    `GPT-2 medium (${layers} layers, ${hidden} wide, vocabulary ${vocabulary.toLocaleString("en")}), batch ${batch}, sequence ${sequence}, float32, eight ranks`,
    "bytes that one rank sends in a step:",
    showTable(["", "axis", "dreamc", "textbook", ""], traffic),
    "",
    "MB on one rank, the most of each at any moment; `=`: the textbook's, else that in brackets:",
    showTable(
      ["", "planned", "parameters", "optimizer", "gradients", "gathered", "other collectives", "activations"],
      memory,
    ),
    lossParallelSaves(found),
    "  node dist/src/cli/main.js plan examples/gpt/trainer.ts --set vocabSize=50304 --set ... (bench/lean.ts has them)",
  ].join("\n");
}

/** What loss parallel takes off a rank's peak, beside B T V. */
function lossParallelSaves(found: readonly Leanness[]): string {
  const peakOf = (isLossParallel: boolean): number => {
    const one = found.find(({ technique }) => technique.tp === 8 && technique.isLossParallel === isLossParallel)!;
    return one.plan.stateBytes + one.plan.arenaBytes;
  };
  const logits = 4 * shape.batch * shape.sequence * shape.vocabulary;
  const saved = peakOf(false) - peakOf(true);
  return `loss parallel takes ${megabytes(saved)} MB off a rank's peak: ${(saved / logits).toFixed(2)} times B T V (${megabytes(logits)} MB)`;
}

export interface MeasuredMemory {
  readonly command: string;
  /** Of the first of two ranks. */
  readonly plannedBytes: number;
  readonly measuredBytes: number;
  /** Of it programs, libraries and data. */
  readonly fileBytes: number;
}

/** Runs a program that two ranks share, and asks it what it had. Tokens lie in build/bench/bytes. */
export function measureMemory(): MeasuredMemory {
  const [own, folder] = [join(repository, "bench", "trainers", "lean.ts"), join(output, "programs", "lean")];
  const data = `datasetPath=${join(output, "bytes")}`;
  const args = ["run", own, "-o", folder, "-n", "2", "--", "--set", data, "--plan", "--max-steps", "2"];
  const text = execFileSync(process.execPath, [compiler, ...args], { encoding: "utf8", cwd: repository });
  const amount = (what: string): number => {
    const [, number, unit] = new RegExp(`([\\d.]+) ([kMG]?B)  ${what}`).exec(text) ?? [];
    const scale = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit ?? ""];
    if (number === undefined || scale === undefined) throw new Error(`the program said nothing of "${what}":\n${text}`);
    return Number(number) * scale;
  };
  return {
    command: inRepository(`node ${[compiler, ...args].join(" ")}`),
    plannedBytes: amount("planned"),
    measuredBytes: amount("measured at most"),
    fileBytes: amount("of it files"),
  };
}

export const showMeasuredMemory = ({ command, plannedBytes, measuredBytes, fileBytes }: MeasuredMemory): string =>
  [
    `a small GPT on two ranks: planned ${megabytes(plannedBytes)} MB, measured at most ${megabytes(measuredBytes)} MB, of it ` +
      `${megabytes(fileBytes)} MB files; without those ${((measuredBytes - fileBytes) / plannedBytes).toFixed(3)} times the plan ` +
      "(MPI and oneDNN have memory of their own)",
    `  ${command}`,
  ].join("\n");
