// The examples, small, as programs: the interpreter's losses and gradients on one rank, the same losses on two and four.
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type ProgramInputs,
  type ProgramRun as ProgramInterpretation,
  runProgram,
} from "../../src/ir/interpret-program.js";
import type { NdArray } from "../../src/ir/nd.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { relativeDistance } from "../pytorch/compare.js";
import { evaluateSmall, smallExamples } from "../small-examples.js";
import { type BuiltProgram, buildProgram, type ProgramRun, runBuilt } from "./built-program.js";
import { expectCurves } from "./curves.js";
import { writeTokenFolder } from "./token-folder.js";

const numSteps = 20;
const sample = [3, 1, 4, 10, 5];
/** Float32 against float64 (seen: under a tenth of this); a gradient that is zero but for rounding counts by the others. */
const gradientTolerance = 1e-4;
/** Twenty steps of AdamW, which divides by the size of gradients, let rounding grow. */
const lossTolerance = 1e-3;
/** Another order of sums. */
const rankTolerance = 1e-5;

const folder = temporaryFolder();
const tokens = join(folder, "tokens");

beforeAll(() => writeTokenFolder(tokens, sample, 64));

describe.each(smallExamples)("%s", (name) => {
  let built: BuiltProgram;
  let alone: ProgramRun;
  const flags = (): readonly string[] => {
    const hasData = built.logical.config.some(({ path }) => path === "datasetPath");
    return [...(hasData ? ["--set", `datasetPath=${tokens}`] : []), "--max-steps", String(numSteps)];
  };
  beforeAll(async () => {
    built = await buildProgram(evaluateSmall(name), join(folder, name));
    alone = runBuilt(built, flags(), 1);
  });

  const interpret = (maxSteps: number, observed: ProgramInputs["observed"]): ProgramInterpretation =>
    runProgram(built.logical, {
      maxSteps,
      numBatches: () => 16,
      readBatch: ({ fields }) =>
        Object.fromEntries(
          fields.map(({ name: field, type: { shape } }) => [
            field,
            { shape, data: Float64Array.from({ length: numElements(shape) }, (_, i) => sample[i % sample.length]!) },
          ]),
        ),
      ...(observed ? { observed } : {}),
    });

  test("gives the interpreter's losses", () => {
    const { events } = interpret(numSteps, undefined);
    const expected = events.filter(({ event }) => event === "train").map(({ metrics }) => metrics);
    expectCurves(alone.steps, expected, lossTolerance);
  });

  test("gives the interpreter's gradients", () => {
    // Where two graphs of a step have a gradient of one parameter, the later one counts.
    const gradients = new Map<string, NdArray>();
    interpret(1, (_, values) => {
      for (const [label, value] of values) gradients.set(label, value);
    });
    expect([...alone.gradients.keys()].sort()).toEqual([...gradients.keys()].sort());
    const least = Math.hypot(...[...gradients.values()].map(({ data }) => Math.hypot(...data))) / 1000;
    for (const [label, value] of gradients) {
      const distance = relativeDistance(alone.gradients.get(label)!, value, least);
      expect.soft(distance, label).toBeLessThanOrEqual(gradientTolerance);
    }
  });

  test.each([2, 4])("gives the same losses on %d ranks", (numRanks) => {
    const together = runBuilt(built, flags(), numRanks);
    expectCurves(together.steps, alone.steps, rankTolerance);
  });
});
