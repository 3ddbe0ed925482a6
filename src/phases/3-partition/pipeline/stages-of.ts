// Which stage a module belongs to: what the user says, or contiguous parts of the model of about the same cost.
import type { PipelineShape } from "../../../ir/pipeline.js";
import type { Program } from "../../../ir/program.js";

/** The stage of a module's or state's path; null: no stage has it. */
export function stagesOf(program: Program<"local">, shape: PipelineShape): (path: string) => number | null {
  const stages = program.layout.pipeline?.stages ?? null;
  if (stages === null) throw new Error(`no stages are named for ${shape.numPlaces} places`);
  const known = new Map(stages.flatMap((paths, stage) => paths.map((path) => [path, stage] as const)));
  return (path) => {
    for (let now = path; now !== ""; now = now.slice(0, Math.max(0, now.lastIndexOf(".")))) {
      const stage = known.get(now);
      if (stage !== undefined) return stage;
    }
    return null;
  };
}
