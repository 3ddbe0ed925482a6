// The comparisons of interpreted.test.ts and stored.test.ts with PyTorch itself, on fresh random weights and tokens, and our files read by their
// owner's library. DREAMC_TORCH_PYTHON names a Python that has PyTorch and safetensors.
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { readSafetensors } from "../../src/cli/verify/safetensors.js";
import { buildTrainer, parityFiles, removeFolder, runParity, temporaryFolder } from "./built.js";
import { bf16Tolerances, expectParity, float32Tolerances, relativeDistance, showDeviations } from "./compare.js";
import { expectInterpretedParity } from "./interpreted.js";
import { modelNames, type Reference, readReference } from "./reference.js";

const python = process.env.DREAMC_TORCH_PYTHON;
if (!python) console.log("skipped: DREAMC_TORCH_PYTHON names no Python with PyTorch to compare with");
// The first build on a machine compiles the runtime too.
vi.setConfig({ testTimeout: 300_000 });
const within = temporaryFolder();
afterAll(() => removeFolder(within));

const runScript = (name: string, ...args: readonly string[]): string =>
  execFileSync(python!, [fileURLToPath(new URL(name, import.meta.url)), ...args], { encoding: "utf8" });

describe.skipIf(!python).each(modelNames)("%s beside PyTorch", (name) => {
  const seed = Number(process.env.DREAMC_TEST_SEED ?? randomInt(1_000_000));
  let known: Reference | null = null;
  const reference = (): Reference => {
    if (known) return known;
    const folder = join(within, `${name}-reference`);
    runScript("reference.py", name, "--out", folder, "--seed", String(seed));
    known = readReference(folder);
    return known;
  };

  it(`means the same, interpreted (DREAMC_TEST_SEED=${seed})`, () => {
    const given = reference();
    const { found, fromFloat64 } = expectInterpretedParity(name, given);
    console.log(`${name}, interpreted, seed ${seed}: ${showDeviations(found)}; from float64 ${fromFloat64}`);
  });

  it(`has its logits, gradients and losses (DREAMC_TEST_SEED=${seed})`, async () => {
    const given = reference();
    const { torch } = given.expected.versions;
    const built = await buildTrainer(name, within);
    const found = expectParity(runParity(built, given), given, float32Tolerances);
    console.log(`${name} beside PyTorch ${torch}, seed ${seed}: ${showDeviations(found)}`);

    const { exported, gradients } = parityFiles(built);
    for (const file of [exported, gradients]) {
      const copy = `${file}.again`;
      runScript("rewrite_safetensors.py", file, copy);
      const [ours, theirs] = [readSafetensors(file), readSafetensors(copy)];
      expect([...theirs.keys()].sort()).toEqual([...ours.keys()].sort());
      for (const [key, value] of ours) expect(relativeDistance(theirs.get(key)!, value), key).toBe(0);
    }
    // One AdamW step on, by us; the loss of the next batch, by PyTorch with our weights.
    const loss = Number(runScript("loss_of_export.py", name, exported, given.tokensFolder));
    expect(Math.abs(loss - given.expected.losses[1]!)).toBeLessThanOrEqual(float32Tolerances.loss);
  });

  it(`is no farther from float32 in bfloat16 than its autocast (DREAMC_TEST_SEED=${seed})`, async () => {
    const given = reference();
    const built = await buildTrainer(`${name}-bf16`, within);
    const found = expectParity(runParity(built, given), given, bf16Tolerances(given));
    console.log(`${name} for bf16 beside PyTorch, seed ${seed}: ${showDeviations(found)}`);
  });
});
