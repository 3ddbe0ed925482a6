// How many launches a training step is, and how much they move through a GPU's memory beside its matrix products: counted
// from our scheduled program, and from PyTorch's eager ops by the same rules (launches.ts, traffic.py). Nothing runs.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { compile } from "../src/compile.js";
import type { ScheduledProgram } from "../src/ir/scheduled.js";
import { repository } from "./folders.js";
import { type CountedLaunch, countLaunches } from "./launches.js";
import { showTable } from "./table.js";

/** A trainer of ours and the same model in test/pytorch/models.py. */
interface Case {
  readonly name: string;
  readonly trainer: string;
  readonly batch: number;
  readonly sequence: number;
  readonly model: "GPT" | "Llama";
  /** Settings of the trainer that PyTorch's model has under the same names. */
  readonly options: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "GPT-2 124M",
    trainer: "bench/trainers/gpt2-bf16.ts",
    batch: 16,
    sequence: 1024,
    model: "GPT",
    options: ["vocabSize", "hiddenSize", "numLayers", "numHeads", "sequenceLength"],
  },
  {
    name: "Llama 1B",
    trainer: "bench/trainers/llama-1b-bf16.ts",
    batch: 2,
    sequence: 4096,
    model: "Llama",
    options: ["vocabSize", "hiddenSize", "intermediateSize", "numLayers", "numHeads", "numKeyValueHeads", "ropeBase"],
  },
];

/** Bytes a second that a device copy moves on an H200. */
const bandwidth = 4.3e12;

interface Count {
  readonly launches: number;
  readonly bytes: number;
}
interface TorchCount {
  readonly torch: string;
  readonly parameters: number;
  readonly ops: readonly (Count & { readonly name: string })[];
}
export interface DeviceTraffic {
  readonly name: string;
  readonly batch: number;
  readonly sequence: number;
  readonly torch: TorchCount;
  readonly ours: readonly CountedLaunch[];
}

/** `python` has PyTorch. */
export const countTraffic = (python: string): readonly DeviceTraffic[] =>
  cases.map((each) => {
    const { name, batch, sequence } = each;
    const scheduled = compiled(each);
    return { name, batch, sequence, torch: torchCount(python, each, scheduled), ours: ourCount(scheduled) };
  });

function compiled({ trainer, batch, sequence }: Case): ScheduledProgram {
  const settings = new Map([
    ["sequenceLength", String(sequence)],
    ["trainingParameters.trainBatchSize", String(batch)],
  ]);
  return compile(join(repository, trainer), { settings, verifies: "every level" });
}

function ourCount({ graphs, variants }: ScheduledProgram): readonly CountedLaunch[] {
  const variant = variants.findIndex(({ degrees }) => Object.values(degrees).every((degree) => degree === 1));
  return countLaunches(graphs.get("trainingStep")!, variants[variant]!.degrees, variant);
}

function torchCount(
  python: string,
  { model, options, batch, sequence }: Case,
  { program }: ScheduledProgram,
): TorchCount {
  const script = join(repository, "bench", "traffic.py");
  const config = new Map(program.config.map(({ path, value }) => [path, value]));
  const sizes = Object.fromEntries(options.map((name) => [name, config.get(name)]));
  const args = [script, model, "--options", JSON.stringify(sizes), "--batch", `${batch}`, "--sequence", `${sequence}`];
  return JSON.parse(execFileSync(python, args, { encoding: "utf8" }));
}

const totalOf = (counts: readonly Count[]): Count => ({
  launches: counts.reduce((sum, { launches }) => sum + launches, 0),
  bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
});

export function showTraffic(found: readonly DeviceTraffic[]): string {
  const rows = found.flatMap(({ name, batch, sequence, torch, ours }) => {
    const [eager, own] = [totalOf(torch.ops), totalOf(ours)];
    const row = (what: string, { launches, bytes }: Count): string[] => [
      what,
      String(launches),
      (bytes / 1e9).toFixed(2),
      ((1000 * bytes) / bandwidth).toFixed(2),
    ];
    return [
      row(`${name}, batch ${batch}, sequence ${sequence}: PyTorch ${torch.torch}, eager`, eager),
      row("dreamc", own),
      ["share", (own.launches / eager.launches).toFixed(2), (own.bytes / eager.bytes).toFixed(2), ""],
    ];
  });
  const most = found.flatMap(({ name, ours }) => [
    `most of dreamc's bytes, ${name}:`,
    showTable(
      ["", "", "launches", "GB"],
      [...ours]
        .sort((a, b) => b.bytes - a.bytes)
        .slice(0, 12)
        .map((each) => [each.name, each.where, String(each.launches), (each.bytes / 1e9).toFixed(2)]),
    ),
  ]);
  return [
    "a training step, bf16, of one device: launches, and bytes through memory by all that is no matrix product",
    showTable(["", "launches", "GB", `ms at ${bandwidth / 1e12} TB/s`], rows),
    ...most,
  ].join("\n");
}
