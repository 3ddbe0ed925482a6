// Pipelines as programs: the curves and gradients of one rank on two and four ranks, with clipping, tied embeddings and
// accumulation; weights go out and come in whole.
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/cli/verify/safetensors.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { type PipelineCase, pipelined } from "../pipeline/pipelined.js";
import { relativeDistance } from "../pytorch/compare.js";
import { evaluateSmall } from "../small-examples.js";
import { buildProgram, runBuilt } from "./built-program.js";
import { expectSameNumbers } from "./curves.js";
import { writeTokenFolder } from "./token-folder.js";

const numSteps = 5;
const sample = [3, 1, 4, 10, 5];

const folder = temporaryFolder();
const tokens = join(folder, "tokens");
const flags = ["--set", `datasetPath=${tokens}`, "--max-steps", String(numSteps)];

beforeAll(() => writeTokenFolder(tokens, sample, 64));

const numRanksOf = ({ mesh }: PipelineCase): number =>
  Object.values(mesh).reduce<number>((n, degree) => n * (degree as number), 1);

async function expectOneRanksNumbers(example: string, cases: readonly PipelineCase[]): Promise<void> {
  const alone = runBuilt(await buildProgram(evaluateSmall(example), join(folder, `${example}-alone`)), flags, 1);
  for (const [i, each] of cases.entries()) {
    const program = await buildProgram(
      pipelined(example, evaluateSmall(example), each),
      join(folder, `${example}-${i}`),
    );
    const together = runBuilt(program, flags, numRanksOf(each));
    expectSameNumbers(together, alone);
  }
}

test("gpt: 1F1B on two ranks, interleaved on four", async () => {
  await expectOneRanksNumbers("gpt", [
    { mesh: { pp: 2 } },
    { mesh: { pp: 2, dpReplicate: 2 }, schedule: "interleaved1f1b", stagesPerRank: 2 },
  ]);
});

test("llama: stages of shards on four ranks", async () => {
  await expectOneRanksNumbers("llama", [{ mesh: { pp: 2, dpShard: 2 } }]);
});

test("weights come in and go out whole", async () => {
  const each: PipelineCase = { mesh: { pp: 2 }, schedule: "gpipe" };
  const program = await buildProgram(pipelined("gpt", evaluateSmall("gpt"), each), join(folder, "weights"));
  const alone = await buildProgram(evaluateSmall("gpt"), join(folder, "weights-alone"));
  const fileOf = (name: string): string => join(folder, `${name}.safetensors`);
  runBuilt(alone, [...flags, "--export", fileOf("first")], 1);
  runBuilt(alone, [...flags, "--init-from", fileOf("first"), "--export", fileOf("alone")], 1);
  runBuilt(program, [...flags, "--init-from", fileOf("first"), "--export", fileOf("together")], 2);
  const [wanted, found] = [readSafetensors(fileOf("alone")), readSafetensors(fileOf("together"))];
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  // A key's bias moves all scores alike: its gradient is nothing but rounding, out of which AdamW makes steps all the same.
  for (const [name, value] of wanted)
    if (!name.endsWith("kProj.bias")) expect(relativeDistance(found.get(name)!, value), name).toBeLessThan(1e-3);
});
