// Activation checkpointing by module.
import type { Module } from "../nn/module.js";
import { recomputeModule } from "../services.js";

/** What `module` computes inside is not kept for backward but computed again there; its inputs are kept. */
export function checkpoint<M extends Module>(module: M): M {
  recomputeModule(module);
  return module;
}

/** `checkpoint` for every module inside that `isChosen` picks. */
export function applyActivationCheckpointing(module: Module, isChosen: (inner: Module) => boolean): void {
  for (const inner of module.modules()) if (isChosen(inner)) checkpoint(inner);
}
