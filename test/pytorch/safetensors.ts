// Reads safetensors files for tests: eight bytes of header length, a JSON header, the tensors' bytes. Float32 alone.
import { readFileSync } from "node:fs";
import type { NdArray } from "../../src/ir/nd.js";
import { numElements } from "../../src/ir/tensor-type.js";

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export function readSafetensors(path: string): ReadonlyMap<string, NdArray> {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header: { readonly [name: string]: Entry } = JSON.parse(bytes.toString("utf8", 8, start));
  const tensors = new Map<string, NdArray>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${path}: ${name} is ${dtype}, and only F32 is read here`);
    const [from, to] = data_offsets;
    if (to - from !== 4 * numElements(shape)) throw new Error(`${path}: ${name} has ${to - from} bytes for [${shape}]`);
    const data = Float64Array.from({ length: numElements(shape) }, (_, i) => bytes.readFloatLE(start + from + 4 * i));
    tensors.set(name, { shape, data });
  }
  return tensors;
}
