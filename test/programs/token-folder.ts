// A token folder in which every sample is the same, so that no order of samples matters.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TokenWriter } from "../../src/cli/data/token-file.js";

/** `sample` again and again, in both splits. */
export async function writeTokenFolder(folder: string, sample: readonly number[], count: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const split of ["train", "validation"]) {
    const writer = await TokenWriter.create(join(folder, `${split}.bin`), "u16");
    await writer.append(Array.from({ length: count }, () => sample).flat());
    await writer.finish();
    await writer.close();
  }
  const numTokens = sample.length * count;
  const splits = Object.fromEntries(
    ["train", "validation"].map((split) => [split, { file: `${split}.bin`, numTokens }]),
  );
  const manifest = {
    ...{ format: "dreamc-tokens", version: 1, tokenizer: "none", dtype: "u16", splits },
    vocabSize: Math.max(...sample) + 1,
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}
