// Safetensors files: eight bytes of header length, a JSON header, the tensors' bytes. What programs dump is float32 and
// integers; nothing else is read or written here.
import { readFileSync, writeFileSync } from "node:fs";
import type { NdArray } from "../../ir/nd.js";
import { numElements } from "../../ir/tensor-type.js";

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
    if (dtype !== "F32" && dtype !== "I32") throw new Error(`${path}: ${name} is ${dtype}: only F32 and I32 are read`);
    const [from, to] = data_offsets;
    if (to - from !== 4 * numElements(shape)) throw new Error(`${path}: ${name} has ${to - from} bytes for [${shape}]`);
    const element = (i: number): number =>
      dtype === "F32" ? bytes.readFloatLE(start + from + 4 * i) : bytes.readInt32LE(start + from + 4 * i);
    tensors.set(name, { shape, data: Float64Array.from({ length: numElements(shape) }, (_, i) => element(i)) });
  }
  return tensors;
}

export interface TensorToWrite {
  readonly dtype: "f32" | "i32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export function writeSafetensors(path: string, tensors: ReadonlyMap<string, TensorToWrite>): void {
  let at = 0;
  const header: { [name: string]: Entry } = {};
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const parts = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  writeFileSync(path, Buffer.concat([length, padded, ...parts]));
}
