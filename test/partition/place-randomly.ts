// Random plans for random programs: parameters and batches split over the axes of a mesh, at rest and in use.

import type { Mark } from "../../src/ir/layout.js";
import { liveAxes, meshOf } from "../../src/ir/mesh.js";
import { plainPlacement } from "../../src/ir/mesh-facts.js";
import type { Mesh, Placement } from "../../src/ir/placement.js";
import { type Axis, type DimSplit, notSplit } from "../../src/ir/placement.js";
import type { PlacementPlan, Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { factsOf } from "../../src/phases/3-partition/place.js";
import { planStates } from "../../src/phases/3-partition/plan-states.js";

import { markNames } from "../random-models.js";

const below = (next: () => number, n: number): number => Math.floor(next() * n);

/** Meshes of 2, 4 and 8 ranks on one to three axes. */
export function randomMesh(next: () => number): Mesh {
  const axes: Axis[] = ["dpReplicate", "dpShard", "cp", "tp"];
  const degrees: Partial<Record<Axis, number>> = {};
  for (let ranks = [2, 4, 8][below(next, 3)]!; ranks > 1; ranks /= 2) {
    const axis = axes[below(next, axes.length)]!;
    degrees[axis] = (degrees[axis] ?? 1) * 2;
  }
  return meshOf(degrees);
}

/** Each axis splits some dim, or none. */
function randomPlacement(numDims: number, axes: readonly Axis[], next: () => number): Placement {
  const split: Axis[][] = Array.from({ length: numDims }, () => []);
  for (const axis of axes) {
    const dim = below(next, numDims + 1);
    if (dim < numDims) split[dim]!.push(axis);
  }
  const unit = 1 + below(next, 2);
  return { dims: split.map((list) => (list.length === 0 ? notSplit : { axes: list, unit })), partial: {} };
}

/** Some dims are cut where longer ones would be, some deal head and tail pieces. */
const randomCuts = (dims: readonly DimSplit[], shape: readonly number[], next: () => number): readonly DimSplit[] =>
  dims.map((split, dim) => ({
    ...split,
    ...(below(next, 2) === 0 ? { extent: shape[dim]! + below(next, 3) } : {}),
    ...(below(next, 2) === 0 ? { order: "headTail" } : {}),
  }));

/** Some axes split a dim of a value in the stream, others leave it whole, others follow. */
const randomMark = (axes: readonly Axis[], next: () => number): Mark =>
  Object.fromEntries(
    axes.flatMap((axis): [Axis, number | null][] => {
      const dim = below(next, 5);
      return dim === 4 ? [] : [[axis, dim === 3 ? null : dim]];
    }),
  );

/** What `planStates` makes of random placements: parameters are used split, rest further split, batches lie anyhow. */
export function randomPlan(program: Program<"logical">, next: () => number): PlacementPlan {
  const live = liveAxes(program.mesh);
  const uses = new Map<State, Placement>();
  const inner = live.filter((axis) => axis === "tp");
  for (const state of program.states)
    if (state.kind === "parameter") uses.set(state, randomPlacement(state.type.shape.length, inner, next));
  const plan = planStates(factsOf(program), program.states, program.loaders, {
    use: (state) => uses.get(state) ?? null,
    isSharded: (state) => state.kind === "parameter" && below(next, 4) > 0,
    sequenceDim: () => (below(next, 3) === 0 ? null : 1),
    marks: new Map(markNames.map((name) => [name, randomMark(live, next)])),
    accumulatesWhole: false,
    sums: () => (below(next, 2) === 0 ? [] : inner),
  });
  const facts = factsOf(program);
  const batch = new Map(
    program.loaders.flatMap(({ fields }) =>
      fields.map(({ name, type: { shape } }) => {
        const placement = below(next, 3) > 0 ? plan.batch.get(name)! : randomPlacement(shape.length, live, next);
        return [name, plainPlacement(shape, { ...placement, dims: randomCuts(placement.dims, shape, next) }, facts)];
      }),
    ),
  );
  return { ...plan, batch };
}
