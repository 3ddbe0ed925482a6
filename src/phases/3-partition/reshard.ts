// From one placement to another: the shortest list of moves. Sums are scattered where the target splits them and reduced
// otherwise (on the shard), gathers go from the inside out, slices come last. Needs: nothing of the graph.
// Example: `[-, -] +dpReplicate +dpShard` to `[dpShard, -]` is a reduce-scatter, then an all-reduce of the shard.
import type { Move } from "../../ir/graph.js";
import { type MeshFacts, sameLayout } from "../../ir/mesh-facts.js";
import { placementAfter } from "../../ir/move-type.js";
import {
  type Axis,
  cutOf,
  type Placement,
  partialAxes,
  plainCut,
  sameAxes,
  samePlacement,
  whereIs,
} from "../../ir/placement.js";
import { showPlacement } from "../../ir/placement-text.js";

/** Nothing moves between parts of time: what is cut there is added up or put together, and cut again. */
const time: Axis = "microbatch";

/** Both placements are of a value of this shape, in plain units (see `plainPlacement`). */
export function reshard(from: Placement, to: Placement, shape: readonly number[], facts: MeshFacts): readonly Move[] {
  const moves: Move[] = [];
  let now = from;
  const apply = (move: Move): void => {
    now = placementAfter(move, now, shape, facts);
    moves.push(move);
  };
  const isPrefix = (dim: number): boolean => {
    const have = now.dims[dim]!;
    const want = to.dims[dim]!;
    const axes = want.axes.slice(0, have.axes.length);
    return sameAxes(have.axes, axes) && sameLayout(shape[dim]!, have, { ...want, axes }, facts);
  };
  /** Whether the target has the axis next inside what the dim has now. */
  const comesNext = (dim: number, axis: Axis): boolean =>
    isPrefix(dim) && to.dims[dim]!.axes[now.dims[dim]!.axes.length] === axis;
  const mustReduce = (axis: Axis): boolean => now.partial[axis] !== undefined && to.partial[axis] === undefined;
  const scatter = (): void =>
    to.dims.forEach(({ axes, ...cut }, dim) => {
      for (const axis of axes)
        if (axis !== time && mustReduce(axis) && now.partial[axis] === "sum" && comesNext(dim, axis))
          apply({ what: "reduce-scatter", axis, dim, to: -1, reduction: "sum", ...cut });
    });
  const allReduce = (axis: Axis): void =>
    apply({ what: "all-reduce", axis, dim: -1, to: -1, reduction: now.partial[axis]!, ...plainCut });

  if (mustReduce(time)) allReduce(time);
  scatter();
  for (const axis of partialAxes(now))
    if (mustReduce(axis) && (now.partial[axis] === "max" || typeof whereIs(axis, to) !== "number")) allReduce(axis);
  for (let dim = 0; dim < shape.length; dim++)
    while (!isPrefix(dim)) {
      const axis = now.dims[dim]!.axes.at(-1)!;
      const other = axis === time ? -1 : to.dims.findIndex((_, d) => d !== dim && comesNext(d, axis));
      if (other >= 0) apply({ what: "all-to-all", axis, dim, to: other, reduction: "sum", ...cutOf(to.dims[other]!) });
      else apply({ what: "all-gather", axis, dim, to: -1, reduction: "sum", ...plainCut });
    }
  scatter();
  for (const axis of partialAxes(now)) if (mustReduce(axis)) allReduce(axis);
  to.dims.forEach(({ axes, ...cut }, dim) => {
    for (const axis of axes.slice(now.dims[dim]!.axes.length))
      apply({ what: "slice", axis, dim, to: -1, reduction: "sum", ...cut });
  });
  for (const axis of partialAxes(to))
    if (now.partial[axis] === undefined) apply({ what: "own", axis, dim: -1, to: -1, reduction: "sum", ...plainCut });
  if (!samePlacement(now, to)) throw new Error(`no way from ${showPlacement(from)} to ${showPlacement(to)}`);
  return moves;
}
