// FSDP as programs: the curves of one rank on two and four, sharded and in replicas of shards.
import { join } from "node:path";
import { beforeAll, test } from "vitest";
import { meshOf } from "../../src/ir/mesh.js";
import type { Mesh } from "../../src/ir/placement.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { evaluateSmall } from "../small-examples.js";
import { type BuiltProgram, buildProgram, runBuilt } from "./built-program.js";
import { expectSameNumbers } from "./curves.js";
import { writeTokenFolder } from "./token-folder.js";

const numSteps = 10;
const sample = [3, 1, 4, 10, 5];

const folder = temporaryFolder();
const tokens = join(folder, "tokens");
const flags = ["--set", `datasetPath=${tokens}`, "--max-steps", String(numSteps)];

beforeAll(() => writeTokenFolder(tokens, sample, 64));

/** Runs on one rank as a program of its own, so that nothing of the collectives is in it. */
async function expectOneRanksNumbers(name: string, mesh: Partial<Mesh["degrees"]>, worlds: readonly number[]) {
  const built = (degrees: Partial<Mesh["degrees"]>, file: string): Promise<BuiltProgram> =>
    buildProgram({ ...evaluateSmall(name), mesh: meshOf(degrees) }, join(folder, `${name}-${file}`));
  const alone = runBuilt(await built({}, "alone"), flags, 1);
  const program = await built(mesh, "together");
  for (const numRanks of worlds) {
    const together = runBuilt(program, flags, numRanks);
    expectSameNumbers(together, alone);
  }
}

test("one program of shards on two and four ranks, with accumulation", async () => {
  await expectOneRanksNumbers("llama", { dpShard: "auto" }, [2, 4]);
});

test("replicas of shards on four ranks", async () => {
  await expectOneRanksNumbers("gpt", { dpReplicate: 2, dpShard: 2 }, [4]);
});
