// A small transformer whose sequence is split over cp, as a local program in which attention is a ring.
import { defaultLayout } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Axis, Placement } from "../../src/ir/placement.js";
import type { PlacementPlan, Program } from "../../src/ir/program.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { moveIntoRepeats } from "../../src/phases/3-partition/move-into-repeats.js";
import { factsOf, place } from "../../src/phases/3-partition/place.js";
import { defaultPlan, planStates } from "../../src/phases/3-partition/plan-states.js";
import { makeRounds } from "../../src/phases/3-partition/rounds/make-rounds.js";
import { gptTraining, type TinyGpt, tinyGpt } from "../tiny-models.js";

export interface RingProgram {
  readonly model: TinyGpt;
  readonly plan: PlacementPlan;
  readonly logical: Program<"logical">;
  /** With gathers of keys, and with rounds in their place. */
  readonly gathered: Program<"local">;
  readonly local: Program<"local">;
}

export function ringProgram(
  degrees: Partial<Record<Axis, number>>,
  config: Partial<TinyGpt>,
  order?: "headTail",
): RingProgram {
  const mesh = meshOf(degrees);
  const model: TinyGpt = { ...tinyGpt, batch: 2, heads: 2, width: 4, vocab: 5, ...config };
  const program: Program<"logical"> = { ...gptTraining(model), mesh, layout: { ...defaultLayout } };
  const logical = eachGraph(eachGraph(program, differentiate), simplify);
  const planned = planStates(factsOf(program), program.states, program.loaders, {
    ...defaultPlan,
    sequenceDim: () => 1,
  });
  const dealt = ({ dims, partial }: Placement): Placement => ({
    dims: dims.map((dim) => (dim.axes.includes("cp") && order ? { ...dim, order } : dim)),
    partial,
  });
  const plan = { ...planned, batch: new Map([...planned.batch].map(([field, where]) => [field, dealt(where)])) };
  const gathered = moveIntoRepeats(insertMoves(place(logical, plan)));
  return { model, plan, logical, gathered, local: makeRounds(gathered) };
}
