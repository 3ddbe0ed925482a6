// The small examples as pipelines: the layouts that tests ask for.
import { defaultLayout, type PipelineRequest } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Mesh } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";

const paths = (...names: readonly string[]): readonly string[] => names.map((name) => `model.${name}`);

/** Stages of the examples with two layers, by their number. */
const stagesOf: { readonly [example: string]: { readonly [numStages: number]: PipelineRequest["stages"] } } = {
  gpt: {
    2: [paths("tokenEmbedding", "positionEmbedding", "blocks.0"), paths("blocks.1", "norm", "head")],
    4: [paths("tokenEmbedding", "positionEmbedding"), paths("blocks.0"), paths("blocks.1"), paths("norm", "head")],
  },
  llama: {
    2: [paths("tokenEmbedding"), paths("blocks", "norm", "head")],
    4: [paths("tokenEmbedding"), paths("blocks.0"), paths("blocks.1"), paths("norm", "head")],
  },
};

export interface PipelineCase extends Partial<Omit<PipelineRequest, "stages">> {
  readonly mesh: Partial<Mesh["degrees"]>;
}

/** The program with stages of its own, one for each place on pp and `stagesPerRank`. */
export function pipelined(
  example: string,
  program: Program<"logical">,
  { mesh, schedule = "1f1b", numMicrobatches = 2, stagesPerRank = 1 }: PipelineCase,
): Program<"logical"> {
  const stages = stagesOf[example]![(mesh.pp as number) * stagesPerRank]!;
  const pipeline = { stages, schedule, numMicrobatches, stagesPerRank };
  return { ...program, mesh: meshOf(mesh), layout: { ...defaultLayout, ...program.layout, pipeline } };
}
