// Which gradients come as sums over axes whose ranks hold the same of their parameter: those of norm weights, of biases
// behind row-parallel layers and of positions, when ranks of tp each see a part of the sequence. Where microbatches add
// up, such a gradient rests as a sum too, so that nothing is sent before the last of them.
import type { PlacedGraph, PlacedValue, Step } from "../../ir/graph.js";
import { type Axis, partialAxes } from "../../ir/placement.js";
import type { State } from "../../ir/state.js";

/** By parameter: the axes over which some term of its gradient is an unreduced sum. */
export function findGradientSums(graphs: Iterable<PlacedGraph>): ReadonlyMap<State, readonly Axis[]> {
  const found = new Map<State, Set<Axis>>();
  for (const { inputs, steps } of graphs) {
    const parameters = new Map(
      inputs.flatMap(({ value, source }): [number, State][] =>
        source.kind === "state" && source.state.kind === "parameter" ? [[value.id, source.state]] : [],
      ),
    );
    for (const { gradientOf, placement } of steps.flatMap(madeBy)) {
      const parameter = gradientOf === null ? undefined : parameters.get(gradientOf);
      if (!parameter) continue;
      const axes = found.get(parameter) ?? new Set();
      found.set(parameter, axes);
      // Parts of time are added up within a graph.
      for (const axis of partialAxes(placement)) if (axis !== "microbatch") axes.add(axis);
    }
  }
  return new Map([...found].map(([parameter, axes]) => [parameter, [...axes]]));
}

const madeBy = (step: Step<"placed">): readonly PlacedValue[] =>
  step.kind === "repeat"
    ? [...step.carried.map(({ result }) => result), ...step.collected.flatMap(({ items }) => items)]
    : step.outputs;
