// What reference.py left in a folder: weights, batches, and what PyTorch makes of them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "../../src/cli/verify/safetensors.js";
import type { NdArray } from "../../src/ir/nd.js";

export type ModelName = "gpt" | "llama";
export const modelNames: readonly ModelName[] = ["gpt", "llama"];

interface Distances {
  readonly logits: number;
  /** All gradients as one vector. */
  readonly together: number;
  /** By parameter. */
  readonly gradients: { readonly [name: string]: number };
}
/** One number for each AdamW step. */
interface Curves {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}
export interface Expected extends Curves {
  readonly model: ModelName;
  readonly seed: number;
  readonly versions: { readonly [name: string]: string };
  readonly float64: Curves & { readonly distanceOfFloat32: Distances };
  readonly bf16: Curves & { readonly distanceFromFloat32: Distances };
}

/** Where the fixtures lie that make_fixtures.py wrote. */
export const storedFolder = (name: ModelName): string =>
  fileURLToPath(new URL(`../fixtures/pytorch/${name}`, import.meta.url));

export interface Reference {
  readonly folder: string;
  readonly weightsFile: string;
  readonly tokensFolder: string;
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly expected: Expected;
  /** Of the first batch, `[B, T, V]`. */
  readonly logits: NdArray;
  /** Of the first step, before clipping, by parameter. */
  readonly gradients: ReadonlyMap<string, NdArray>;
}

export function readReference(folder: string): Reference {
  const tensors = readSafetensors(join(folder, "expected.safetensors"));
  const prefix = "gradient.";
  const weightsFile = join(folder, "weights.safetensors");
  return {
    folder,
    weightsFile,
    tokensFolder: join(folder, "tokens"),
    weights: readSafetensors(weightsFile),
    expected: JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")),
    logits: tensors.get("logits")!,
    gradients: new Map(
      [...tensors].flatMap(([name, data]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), data]] : [])),
    ),
  };
}

/** Batch `index` in file order. */
export function readBatch(tokensFolder: string, index: number, shape: readonly [number, number]): NdArray {
  const bytes = readFileSync(join(tokensFolder, "train.bin"));
  const count = shape[0] * shape[1];
  const data = Float64Array.from({ length: count }, (_, i) => bytes.readUInt16LE(64 + 2 * (index * count + i)));
  return { shape, data };
}
