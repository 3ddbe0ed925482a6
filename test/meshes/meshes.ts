// The meshes on which every example must have one rank's numbers: each degree alone on 1, 2, 4 and 8 ranks, and
// combinations of all of them that leave no pair out.
import type { Axis } from "../../src/ir/placement.js";

export interface MeshCase {
  readonly model: "gpt" | "llama";
  /** Degrees that are not 1. */
  readonly degrees: { readonly [A in Axis]?: number };
  /** More of `deviceParameters`. */
  readonly more?: { readonly [entry: string]: string | number | boolean };
}

const on = (
  model: MeshCase["model"],
  degrees: MeshCase["degrees"],
  more: NonNullable<MeshCase["more"]> = {},
): MeshCase => ({ model, degrees, more });

const both = (degrees: MeshCase["degrees"], more: NonNullable<MeshCase["more"]> = {}): readonly MeshCase[] => [
  on("gpt", degrees, more),
  on("llama", degrees, more),
];

const loss = { lossParallel: true };
const gathered = { contextParallelRotateMethod: "allgather" };

export const meshCases: readonly MeshCase[] = [
  ...both({}),
  ...both({ dpReplicate: 2 }),
  on("gpt", { dpReplicate: 4 }),
  on("llama", { dpReplicate: 8 }),
  ...both({ dpShard: 2 }),
  on("gpt", { dpShard: 4 }),
  on("llama", { dpShard: 8 }),
  ...both({ tp: 2 }),
  on("gpt", { tp: 4 }, loss),
  on("llama", { tp: 8 }, loss),
  ...both({ cp: 2 }),
  on("gpt", { cp: 4 }, gathered),
  on("llama", { cp: 8 }),
  on("gpt", { dpReplicate: 2, dpShard: 2 }),
  on("llama", { dpReplicate: 2, dpShard: 4 }, { accumulateWholeGradients: true }),
  on("gpt", { dpReplicate: 2, tp: 2 }, loss),
  on("llama", { dpReplicate: 2, cp: 2 }),
  on("gpt", { dpShard: 2, tp: 2 }, { activationCheckpointing: true }),
  on("llama", { dpShard: 4, tp: 2 }, loss),
  on("gpt", { dpShard: 2, cp: 2 }, gathered),
  on("llama", { dpShard: 2, cp: 4 }),
  on("gpt", { cp: 2, tp: 2 }, loss),
  on("llama", { cp: 2, tp: 4 }, gathered),
  on("gpt", { dpReplicate: 2, dpShard: 2, tp: 2 }, loss),
  on("llama", { dpReplicate: 2, dpShard: 2, tp: 2 }, { asyncTensorParallel: true }),
  on("llama", { dpReplicate: 2, dpShard: 2, cp: 2 }),
  on("gpt", { dpShard: 2, cp: 2, tp: 2 }, { ...loss, activationCheckpointing: true }),
  on("llama", { dpReplicate: 2, cp: 2, tp: 2 }),
  ...both({ pp: 2 }),
  on("gpt", { pp: 2 }, { pipelineSchedule: "gpipe", pipelineMicrobatches: 4 }),
  on("llama", { pp: 2 }, { pipelineStagesPerRank: 2 }),
  on("llama", { pp: 4 }, { pipelineMicrobatches: 8 }),
  on("gpt", { pp: 2, dpReplicate: 2 }),
  on("llama", { pp: 2, dpShard: 2 }),
  on("llama", { pp: 2, dpReplicate: 2, dpShard: 2 }),
  on("gpt", { pp: 2, tp: 2 }, loss),
  on("llama", { pp: 2, cp: 2 }),
  on("gpt", { pp: 2, dpShard: 2, tp: 2 }, loss),
  on("llama", { pp: 2, dpShard: 2, cp: 2 }, gathered),
  on("gpt", { pp: 2, cp: 2, tp: 2 }, loss),
  on("llama", { pp: 2, cp: 2, tp: 2 }),
];

export const nameOf = ({ model, degrees, more = {} }: MeshCase): string => {
  const mesh = Object.entries(degrees).map(([axis, degree]) => `${axis}${degree}`);
  const rest = Object.entries(more).map(([entry, value]) => (value === true ? entry : `${entry} ${value}`));
  return [model, mesh.length === 0 ? "one rank" : mesh.join(" "), ...rest].join(", ");
};
