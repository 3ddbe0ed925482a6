// The examples at sizes that the interpreter can run: copies whose numbers are smaller.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Program } from "../src/ir/program.js";
import { evaluate } from "../src/phases/1-evaluate/evaluate.js";

/** Numbers by config entry: the default of an entry, or the value that the trainer gives. */
type Sizes = { readonly [entry: string]: number };

const model = { hiddenSize: 8, numLayers: 2, numHeads: 4, vocabSize: 11, sequenceLength: 5, trainBatchSize: 4 };
const sizesOf: { readonly [example: string]: Sizes } = {
  gpt: model,
  llama: { ...model, numKeyValueHeads: 2, intermediateSize: 12 },
  mlp: { trainBatchSize: 4 },
  gan: { hiddenSize: 6, trainBatchSize: 4 },
};

export const smallExamples: readonly string[] = Object.keys(sizesOf);

/** `settings`: entries of the config by path, as `--set` writes them, above all those of `deviceParameters`. Throws an `Error` where an example has no entry of that name any more. */
export function evaluateSmall(
  example: string,
  sizes: Sizes = sizesOf[example]!,
  settings: { readonly [path: string]: string | number | boolean } = {},
): Program<"logical"> {
  const folder = mkdtempSync(join(tmpdir(), "dreamc-example-"));
  try {
    cpSync(join("examples", example), folder, { recursive: true });
    const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
    for (const [entry, size] of Object.entries(sizes)) {
      const number = new RegExp(`(\\b${entry}: (?:z\\.[^\\n]*\\.default\\()?)\\d+`, "g");
      const changed = files.filter((file) => {
        const text = readFileSync(join(folder, file), "utf8");
        const smaller = text.replace(number, `$1${size}`);
        if (smaller !== text) writeFileSync(join(folder, file), smaller);
        return smaller !== text;
      });
      if (changed.length === 0) throw new Error(`examples/${example} has no ${entry} to make smaller`);
    }
    return evaluate(join(folder, "trainer.ts"), {
      checkTypes: false,
      settings: new Map(Object.entries(settings).map(([path, value]) => [path, String(value)])),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
