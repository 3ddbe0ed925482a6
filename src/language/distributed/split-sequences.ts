// Context parallelism by default: tokens are split along the sequence where they enter a model, and what it computes of
// them follows.
import type { Module } from "../nn/module.js";
import { Tensor } from "../tensor.js";
import type { DeviceMesh } from "./device-mesh.js";
import { Shard } from "./placements.js";
import { redistribute } from "./redistribute.js";

/** Batches themselves stay whole, so slices of targets cost nothing. */
export function splitSequences(model: Module, cpMesh: DeviceMesh): void {
  const own = model as unknown as { forward?: (...inputs: readonly unknown[]) => unknown };
  const { forward } = own;
  if (forward === undefined) return;
  const isTokens = (value: unknown): value is Tensor =>
    value instanceof Tensor && value.dtype === "i32" && value.ndim === 2;
  own.forward = (...inputs) =>
    forward.call(model, ...inputs.map((input) => (isTokens(input) ? redistribute(input, cpMesh, Shard(1)) : input)));
}
