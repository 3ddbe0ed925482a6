// The order in which microbatches go through the stages, as a table: GPipe, 1F1B (PipeDream-Flush) and interleaved 1F1B
// (Megatron-LM's). Each place of axis pp has a list.
import { type Cell, type PipelineShape, type PipelineTable, placeOfStage } from "../../../ir/pipeline.js";
import { clock } from "../../../ir/pipeline-clock.js";

/** Throws an `Error` for a schedule that does not fit its shape. */
export function tableOf(shape: PipelineShape): PipelineTable {
  const places = Array.from({ length: shape.numPlaces }, (_, place) => place);
  return places.map((place) => {
    const forward = inGroups(place, "forward", shape);
    const backward = inGroups(place, "backward", shape);
    return interleave(forward, backward, numAhead(place, shape));
  });
}

/** The cells of one way: groups of microbatches, stage after stage of the place, the last stage first on the way back. */
function inGroups(place: number, way: Cell["way"], shape: PipelineShape): readonly Cell[] {
  const { schedule, numPlaces, stagesPerRank, numMicrobatches } = shape;
  const size = schedule === "interleaved1f1b" ? numPlaces : numMicrobatches;
  const stages = Array.from({ length: stagesPerRank }, (_, i) => place + i * numPlaces);
  if (way === "backward") stages.reverse();
  const cells: Cell[] = [];
  for (let first = 0; first < numMicrobatches; first += size)
    for (const stage of stages)
      for (let microbatch = first; microbatch < Math.min(first + size, numMicrobatches); microbatch++)
        cells.push({ way, microbatch, stage });
  return cells;
}

/** How many forward cells a place has done before its first backward cell, beside the one that goes with it. */
function numAhead(place: number, { schedule, numPlaces, stagesPerRank, numMicrobatches }: PipelineShape): number {
  const behind = numPlaces - 1 - place;
  if (schedule === "gpipe") return numMicrobatches * stagesPerRank;
  if (schedule === "1f1b") return behind;
  return behind * 2 + (stagesPerRank - 1) * numPlaces;
}

/** `ahead` forward cells, then one forward and one backward in turn, then what is left of backward. */
function interleave(forward: readonly Cell[], backward: readonly Cell[], ahead: number): readonly Cell[] {
  const cells = forward.slice(0, ahead);
  forward.slice(ahead).forEach((cell, i) => {
    cells.push(cell, backward[i]!);
  });
  return [...cells, ...backward.slice(Math.max(0, forward.length - ahead))];
}

/** All cells in an order in which each comes after those it waits for, and each place's own order holds. */
export function inOneOrder(table: PipelineTable, shape: PipelineShape): readonly Cell[] {
  const clocked = clock(table, shape);
  if (!clocked) throw new Error("the places of a pipeline wait for each other forever");
  return clocked.rows
    .flat()
    .toSorted((a, b) => a.tick - b.tick || placeOfStage(a.cell.stage, shape) - placeOfStage(b.cell.stage, shape))
    .map(({ cell }) => cell);
}
