// Which stage a module belongs to: what the user says, or contiguous parts of the model of about the same cost.
import { Diagnosed, diagnostic } from "../../../diagnostics/diagnostic.js";
import type { PipelineShape } from "../../../ir/pipeline.js";
import type { Program } from "../../../ir/program.js";
import { balanced, layersOf } from "./balance.js";

/** The stage of a module's or state's path; null: no stage has it. Throws `Diagnosed` where there are too few layers. */
export function stagesOf(program: Program<"local">, shape: PipelineShape): (path: string) => number | null {
  const stages = program.layout.pipeline?.stages ?? balancedStages(program, shape);
  const known = new Map(stages.flatMap((paths, stage) => paths.map((path) => [path, stage] as const)));
  return (path) => {
    for (let now = path; now !== ""; now = now.slice(0, Math.max(0, now.lastIndexOf(".")))) {
      const stage = known.get(now);
      if (stage !== undefined) return stage;
    }
    return null;
  };
}

function balancedStages(program: Program<"local">, shape: PipelineShape): readonly (readonly string[])[] {
  const numStages = shape.numPlaces * shape.stagesPerRank;
  const graphs = [...program.graphs.values()];
  const training = graphs.filter(({ steps }) => steps.some(({ phase }) => phase === "backward"));
  const layers = layersOf(training.length > 0 ? training : graphs);
  const counts = balanced(
    layers.map(({ cost }) => cost),
    numStages,
  );
  if (!counts) {
    const origin = program.modules[0]?.origin ?? null;
    throw new Diagnosed([diagnostic(origin, "more-stages-than-layers", numStages, layers.length)]);
  }
  let first = 0;
  return counts.map((count) => {
    const paths = layers.slice(first, first + count).map(({ path }) => path);
    first += count;
    return paths;
  });
}
