// Data for programs whose own files are missing or do not fit: random tokens and tensors that a seed decides, in a folder
// that goes when verification ends.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Loader, Program } from "../../ir/program.js";
import { numElements } from "../../ir/tensor-type.js";
import type { TokenManifest } from "../data/prepare-tokens.js";
import { TokenWriter, tokenDType } from "../data/token-file.js";
import { type TensorToWrite, writeSafetensors } from "./safetensors.js";

/** Loaders whose data was made up, and why. */
export type StandIns = ReadonlyMap<string, string>;

/** Enough batches for every step, and for validation. */
const numBatches = 64;
/** Where nobody says how large the vocabulary is, these fit any. */
const smallestVocabulary = 2;

/** In `folder`, called after `name`: the data of each loader of `program` that cannot read its own. */
export async function makeStandIns(
  program: Program<"logical">,
  folder: string,
  name = "data",
): Promise<{ readonly paths: ReadonlyMap<string, string>; readonly reasons: StandIns }> {
  const paths = new Map<string, string>();
  const reasons = new Map<string, string>();
  for (const loader of program.loaders) {
    const reason = whyNotOwn(loader, program);
    if (reason === null) continue;
    const path = join(folder, `${name}-${paths.size}`);
    await (loader.source.kind === "tokens" ? writeTokens(loader, path) : writeTensors(loader, path));
    paths.set(loader.name, path);
    reasons.set(loader.name, reason);
  }
  return { paths, reasons };
}

/** The program with loaders that read what was made up. */
export const withStandIns = (program: Program<"logical">, paths: ReadonlyMap<string, string>): Program<"logical"> => ({
  ...program,
  loaders: program.loaders.map((loader) => {
    const literal = paths.get(loader.name);
    return literal === undefined ? loader : { ...loader, source: { ...loader.source, path: { literal } } };
  }),
});

function ownPath({ source }: Loader, { config }: Program<"logical">): string {
  const { path } = source;
  if ("literal" in path) return path.literal;
  return String(config.find((entry) => entry.path === path.config)?.value);
}

function whyNotOwn(loader: Loader, program: Program<"logical">): string | null {
  const path = ownPath(loader, program);
  const { source } = loader;
  const file = source.kind === "tokens" ? join(path, "manifest.json") : path;
  if (!existsSync(file)) return `there is no ${file}`;
  if (source.kind !== "tokens" || source.vocabSize === null) return null;
  const { vocabSize } = JSON.parse(readFileSync(file, "utf8")) as TokenManifest;
  return vocabSize > source.vocabSize ? `${path} has tokens from ${source.vocabSize} on` : null;
}

async function writeTokens({ source, batchSize }: Loader, folder: string): Promise<void> {
  if (source.kind !== "tokens") throw new Error("these are no tokens");
  const vocabSize = source.vocabSize ?? smallestVocabulary;
  const numTokens = numBatches * batchSize * source.sequenceLength;
  const next = randomNumbers(1);
  mkdirSync(folder);
  const dtype = tokenDType(vocabSize);
  const file = `${source.split}.bin`;
  const writer = await TokenWriter.create(join(folder, file), dtype);
  await writer.append(Uint32Array.from({ length: numTokens }, () => Math.floor(next() * vocabSize)));
  await writer.finish();
  await writer.close();
  const manifest = {
    ...{ format: "dreamc-tokens", version: 1, tokenizer: "random", vocabSize, dtype },
    splits: { [source.split]: { file, numTokens } },
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}

/** Numbers from -1 to 1, and classes 0 and 1, which are classes of every model. */
function writeTensors({ source, fields }: Loader, file: string): void {
  if (source.kind !== "tensors") throw new Error("these are no tensors");
  const next = randomNumbers(1);
  const tensors = new Map(
    fields.map(({ name, type }): [string, TensorToWrite] => {
      const shape = [source.numSamples, ...type.shape.slice(1)];
      const length = numElements(shape);
      return type.dtype === "i32"
        ? [name, { dtype: "i32", shape, data: Int32Array.from({ length }, () => Math.floor(2 * next())) }]
        : [name, { dtype: "f32", shape, data: Float32Array.from({ length }, () => 2 * next() - 1) }];
    }),
  );
  writeSafetensors(file, tensors);
}

/** Numbers in [0, 1) that a seed decides (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
