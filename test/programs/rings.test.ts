// Rounds as programs: keys and values go around the ranks of cp, balanced for causal masks, and the operands and sums of
// products around those of tp, with one rank's numbers. Sequences do not divide.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Mark } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { type Parallelism, parallel } from "../partition/parallel-plans.js";
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

/** The stream of the blocks is split along the sequence, over cp or over tp. */
function spread(program: Program<"logical">, degrees: Parallelism["degrees"], axis: "cp" | "tp"): Program<"logical"> {
  const planned = parallel(program, { degrees });
  const marks = new Map<string, Mark>([["residual", { [axis]: 1 }]]);
  return { ...planned, layout: { ...planned.layout, marks, asyncTensorParallel: axis === "tp" } };
}

test.each([
  { example: "llama", degrees: { cp: 2 }, axis: "cp", numRanks: 2 },
  { example: "gpt", degrees: { cp: 2, tp: 2 }, axis: "cp", numRanks: 4 },
  { example: "gpt", degrees: { tp: 2 }, axis: "tp", numRanks: 2 },
] as const)("$example on $degrees, rounds over $axis", async ({ example, degrees, axis, numRanks }) => {
  const name = `${example}-${Object.entries(degrees).flat().join("")}`;
  const program = evaluateSmall(example);
  const alone = runBuilt(await buildProgram({ ...program, mesh: meshOf({}) }, join(folder, `${name}-alone`)), flags, 1);
  const ring = await buildProgram(spread(program, degrees, axis), join(folder, name));
  const sources = readdirSync(join(ring.folder, "src")).map((file) =>
    readFileSync(join(ring.folder, "src", file), "utf8"),
  );
  expect(sources.some((text) => text.includes(`communicator(dream::Axis::${axis}).permute(`))).toBe(true);
  const together = runBuilt(ring, flags, numRanks);
  expectSameNumbers(together, alone);
});
