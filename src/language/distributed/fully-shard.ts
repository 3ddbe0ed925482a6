// FSDP and data parallelism by module.
import type { Module } from "../nn/module.js";
import { shardTogether } from "../services.js";
import type { DeviceMesh } from "./device-mesh.js";

/** How the parameters of a unit are gathered, and their gradients summed. */
export interface FullyShardOptions {
  /** What `applyFullyShard` was given: parameters are split over `dpShard` (and `cp`), and whole over `dpReplicate`. */
  readonly mesh?: DeviceMesh;
  /** Free gathered parameters after forward and gather them again for backward. Off unless told for a module that holds sharded ones. */
  readonly reshardAfterForward?: boolean;
  /** The element type in which gradients are summed over ranks. */
  readonly reduceDtype?: "f32" | "bf16";
}

/**
 * The parameters of `module` that no inner `fullyShard` has taken rest in shards; they are gathered together before the
 * module runs, and their gradients are scattered together. Call it for inner modules first.
 */
export function fullyShard<M extends Module>(module: M, options: FullyShardOptions = {}): M {
  const { reshardAfterForward = null, reduceDtype = "f32" } = options;
  shardTogether(module, module.modules(), module.parameters(), { reshardAfterForward, reduceDtype });
  return module;
}

/** Parameters of `module` are whole on every data-parallel rank, which is how they lie unless `fullyShard` says otherwise. */
export const replicate = <M extends Module>(module: M, _options: { readonly mesh?: DeviceMesh } = {}): M => module;
