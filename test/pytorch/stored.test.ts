// Built programs against PyTorch's stored logits, gradients and AdamW steps, and against themselves on several ranks.
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type Built, buildTrainer, removeFolder, runBuilt, runParity, temporaryFolder, trainCurves } from "./built.js";
import { bf16Tolerances, expectParity, float32Tolerances, showDeviations } from "./compare.js";
import { modelNames, readReference, storedFolder } from "./reference.js";

// The first build on a machine compiles the runtime too.
vi.setConfig({ testTimeout: 300_000 });
const within = temporaryFolder();
afterAll(() => removeFolder(within));
const builds = new Map<string, Promise<Built>>();
/** Built by the first test that needs it. */
const built = (name: string): Promise<Built> => {
  const known = builds.get(name) ?? buildTrainer(name, within);
  builds.set(name, known);
  return known;
};

describe.each(modelNames)("%s, built", (name) => {
  const reference = readReference(storedFolder(name));

  it("has PyTorch's logits, gradients and losses", async () => {
    const run = runParity(await built(name), reference);
    console.log(`${name}, built: ${showDeviations(expectParity(run, reference, float32Tolerances))}`);
  });

  it("is no farther from float32 in bfloat16 than PyTorch's autocast", async () => {
    const run = runParity(await built(`${name}-bf16`), reference);
    console.log(`${name}, built for bf16: ${showDeviations(expectParity(run, reference, bf16Tolerances(reference)))}`);
  });

  it.each([2, 4])("has the losses of one rank on %i ranks", async (numRanks) => {
    const program = await built(name);
    const lossesOn = (ranks: number): readonly number[] => {
      const metrics = join(program.folder, `ranks-${ranks}.jsonl`);
      runBuilt(program, reference, ["--max-steps", "20", "--metrics", metrics], ranks);
      return trainCurves(metrics).losses;
    };
    const [one, several] = [lossesOn(1), lossesOn(numRanks)];
    expect(one.length).toBe(20);
    expect(several.length).toBe(20);
    several.forEach((loss, i) => {
      expect(Math.abs(loss - one[i]!), `loss of step ${i + 1}`).toBeLessThanOrEqual(1e-5);
    });
  });
});
