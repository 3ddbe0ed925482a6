// Partitioned graphs with one fault each: a collective left out, done twice or over another axis; padding not cleared.
import type { FillStep, LocalGraph, LocalValue, MoveStep, Step } from "../../src/ir/graph.js";
import type { Axis } from "../../src/ir/placement.js";
import { highestId, replaceInSteps } from "../../src/ir/steps.js";
import { isCollective } from "../../src/ir/traffic.js";

export type Fault = "left out" | "done twice" | "over another axis" | "padding not cleared";
export interface Mutant {
  readonly fault: Fault;
  readonly what: string;
  readonly graph: LocalGraph;
}

/** One mutant for each fault at each place. `axes` are those of the mesh. */
export function mutantsOf(graph: LocalGraph, axes: readonly Axis[]): readonly Mutant[] {
  const free = highestId(graph) + 1;
  return movesIn(graph.steps).flatMap((step): Mutant[] => {
    const [before] = step.inputs;
    const [after] = step.outputs;
    if (step.kind === "fill")
      return [{ fault: "padding not cleared", what: `fill of %${before.id}`, graph: without(graph, step) }];
    const what = `${step.move.what} of %${before.id} over ${step.move.axis}`;
    const between: LocalValue = { ...after, id: free };
    const twice = [
      { ...step, outputs: [between] as const },
      { ...step, inputs: [between] as const },
    ];
    const others = axes.filter((axis) => axis !== step.move.axis);
    return [
      { fault: "left out", what, graph: without(graph, step) },
      { fault: "done twice", what, graph: instead(graph, step, twice) },
      ...others.map((axis): Mutant => {
        const moved: MoveStep = { ...step, move: { ...step.move, axis } };
        return { fault: "over another axis", what: `${what}: ${axis}`, graph: instead(graph, step, [moved]) };
      }),
    ];
  });
}

/** Collectives and fills, those of bodies too. */
const movesIn = (steps: readonly Step<"local">[]): readonly (MoveStep | FillStep)[] =>
  steps.flatMap((step) => {
    if (step.kind === "repeat") return movesIn(step.body);
    if (step.kind === "fill") return [step];
    return step.kind === "move" && isCollective(step.move) ? [step] : [];
  });

const swapped = (
  steps: readonly Step<"local">[],
  old: Step<"local">,
  by: readonly Step<"local">[],
): readonly Step<"local">[] =>
  steps.flatMap((step) => {
    if (step === old) return by;
    return step.kind === "repeat" ? [{ ...step, body: swapped(step.body, old, by) }] : [step];
  });

const instead = (graph: LocalGraph, old: Step<"local">, by: readonly Step<"local">[]): LocalGraph => ({
  ...graph,
  steps: swapped(graph.steps, old, by),
});

/** Who read what the step made reads what it was made of. */
export function without(graph: LocalGraph, step: MoveStep | FillStep): LocalGraph {
  const [before] = step.inputs;
  const [after] = step.outputs;
  const replace = (value: LocalValue): LocalValue => (value.id === after.id ? before : value);
  const end = <E extends { readonly value: LocalValue }>(list: readonly E[]): readonly E[] =>
    list.map((each) => ({ ...each, value: replace(each.value) }));
  const rest = instead(graph, step, []);
  return {
    ...rest,
    steps: replaceInSteps(rest.steps, replace),
    results: end(rest.results),
    updates: end(rest.updates),
    observed: end(rest.observed),
  };
}
