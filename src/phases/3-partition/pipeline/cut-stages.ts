// Purpose: a program becomes a pipeline: one graph for each place on axis pp, that sends to and receives from the others,
// with the states of its stages alone. Needs: a local program whose mesh cuts time (see cut-time.ts). Leaves: a local
// program whose graphs are named by place. Example: `trainingStep` becomes `trainingStep.0` and `trainingStep.1`.
import type { LocalGraph } from "../../../ir/graph.js";
import { type Pipelined, type PipelineShape, placeOfStage } from "../../../ir/pipeline.js";
import type { Program } from "../../../ir/program.js";
import type { State } from "../../../ir/state.js";
import { assignStages } from "./assign-stages.js";
import { cutGraph } from "./cut-graph.js";
import { stagesOf } from "./stages-of.js";
import { inOneOrder, tableOf } from "./table.js";

export function cutStages(program: Program<"local">): Program<"local"> {
  const request = program.layout.pipeline;
  if (request === null) return program;
  const shape: PipelineShape = {
    schedule: request.schedule,
    numPlaces: program.mesh.degrees.pp as number,
    stagesPerRank: request.stagesPerRank,
    numMicrobatches: request.numMicrobatches,
  };
  const stageOfPath = stagesOf(program, shape);
  const stageOfState = (state: State): number | null => {
    const owner = state.of ?? state;
    return stageOfPath(owner.name);
  };
  const placeOfState = (state: State): number | null => {
    const stage = stageOfState(state);
    return stage === null ? null : placeOfStage(stage, shape);
  };
  const table = tableOf(shape);
  const facts = { shape, cells: inOneOrder(table, shape), placeOfState };
  const graphs = new Map<string, LocalGraph>();
  const names = new Map<string, readonly string[]>();
  for (const [name, graph] of program.graphs) {
    const assigned = assignStages(graph, { shape, stageOfPath, stageOfState });
    const cut = cutGraph(graph, assigned, facts, (place) => `${name}.${place}`);
    for (const each of cut) graphs.set(each.name, each);
    names.set(
      name,
      cut.map((each) => each.name),
    );
  }
  const homes = new Map(program.states.map((state) => [state, placeOfState(state)]));
  const pipelined: Pipelined = { shape, table, graphs: names, homes };
  return { ...program, graphs, pipelined };
}
