// Stages of a pipeline against the model: every module that holds parameters or buffers is in one of them.
import type { Module } from "../nn/module.js";
import { refuseStages } from "../services.js";
import type { Pipeline } from "./pipeline.js";

/** `named`: every module of every model by its path. `degree`: ranks of the pipeline. */
export function checkStages(
  { stages, madeAt }: Pipeline,
  named: readonly (readonly [string, Module])[],
  degree: number,
): void {
  if (stages === null) return;
  if (stages.length === 0 || stages.length % degree !== 0)
    refuseStages(madeAt, "stages-do-not-share-out", stages.length, degree);
  const held = stages.map((stage) => stage.map((module) => new Set(module.modules())));
  for (const [path, module] of named) {
    if (module.namedOwnStates().length === 0) continue;
    const places = held.flatMap((stage, i) => stage.filter((inside) => inside.has(module)).map(() => i));
    const [first, second] = places;
    if (first === undefined) refuseStages(madeAt, "stages-miss-module", path);
    else if (second !== undefined) refuseStages(madeAt, "stages-repeat-module", path, first, second);
  }
}
