// Pipelines: a model in stages, and how they take turns.
import type { Module } from "../nn/module.js";
import { currentPlace } from "../services.js";
import type { DeviceMesh } from "./device-mesh.js";

/** GPipe (Huang et al. 2019), one forward one backward (Narayanan et al. 2019), and the same with several stages a rank. */
export type PipelineSchedule = "gpipe" | "1f1b" | "interleaved1f1b";

/** How stages take turns; what is left out comes from `deviceParameters`. */
export interface PipelineOptions {
  /** `1f1b` unless told; `interleaved1f1b` where a rank holds several stages. */
  readonly schedule?: PipelineSchedule;
  /** Parts of a batch that go through the stages one behind the other; as many as stages unless told. */
  readonly numMicrobatches?: number;
}

/** What `applyPipelineParallel` returns. */
export interface Pipeline {
  /** From first to last; null: as many as ranks, balanced by cost. */
  readonly stages: readonly (readonly Module[])[] | null;
  readonly schedule: PipelineSchedule | null;
  readonly numMicrobatches: number | null;
  readonly mesh: DeviceMesh;
  /** Where it was made, for messages. */
  readonly madeAt: object;
}

/**
 * Stages from first to last: each is a module, or several that run one behind the other. Every module with parameters
 * belongs to one stage, by itself or with the module that holds it. Null: balanced by cost.
 */
export function pipelineParallel(
  stages: readonly (Module | readonly Module[])[] | null,
  mesh: DeviceMesh,
  { schedule, numMicrobatches }: PipelineOptions = {},
): Pipeline {
  const lists = stages?.map((stage) => (Array.isArray(stage) ? (stage as readonly Module[]) : [stage as Module]));
  return {
    stages: lists ?? null,
    schedule: schedule ?? null,
    numMicrobatches: numMicrobatches ?? null,
    mesh,
    madeAt: currentPlace(),
  };
}
