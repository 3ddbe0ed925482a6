// Purpose: every `gradient` step becomes the steps that compute it (reverse mode), at its place; repeats keep being
// repeats. Modules at the paths `recomputed` are computed again there instead of kept (see recompute-modules); what
// `isSent` says of is kept where a round can keep it. Needs: a logical graph. Leaves: one without `gradient` steps. Example: y = w x gives dw = dy xᵀ behind it.
import { BlockBuilder, ValueIds } from "../../ir/build.js";
import type { GradientStep, LogicalGraph, LogicalValue, Step } from "../../ir/graph.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId, replaceInSteps } from "../../ir/steps.js";
import { constant } from "../../ops/table.js";
import { dependents } from "./active.js";
import type { IsSent } from "./find-sent.js";
import { Gradients, zeroLike } from "./gradients.js";
import { type Recomputing, recomputeModules } from "./recompute-modules.js";
import { reverseSteps } from "./reverse.js";

export function differentiate(
  graph: LogicalGraph,
  recomputed: readonly string[] = [],
  isSent: IsSent = () => false,
): LogicalGraph {
  if (!graph.steps.some(({ kind }) => kind === "gradient")) return graph;
  const ids = new ValueIds(highestId(graph) + 1);
  const recomputing: Recomputing = { paths: recomputed, saved: new Map(), ids, isSent };
  const { saved } = recomputing;
  const constants = new Set<number>();
  const swap = new Map<number, LogicalValue>();
  const replace = (value: LogicalValue): LogicalValue => swap.get(value.id) ?? value;
  let steps: Step<"logical">[] = [];
  for (const step of graph.steps) {
    if (step.kind !== "gradient") {
      steps.push(...replaceInSteps([step], replace));
      continue;
    }
    const made = gradientSteps(step, steps, recomputing, constants, swap);
    steps = [...steps, ...made];
    for (const one of made) if (one.kind === "op") for (const { id } of one.outputs) constants.add(id);
    for (const { id } of step.outputs) constants.add(swap.get(id)!.id);
  }
  const withSaved = (list: readonly Step<"logical">[]): readonly Step<"logical">[] =>
    list.map((step) => {
      if (step.kind !== "repeat") return step;
      const more = saved.get(step) ?? [];
      return { ...step, body: withSaved(step.body), collected: [...step.collected, ...more] };
    });
  const ended = <E extends { readonly value: LogicalValue }>(list: readonly E[]): readonly E[] =>
    list.map((end) => ({ ...end, value: replace(end.value) }));
  return removeDeadSteps({
    ...graph,
    steps: withSaved(steps),
    results: ended(graph.results),
    updates: ended(graph.updates),
    observed: ended(graph.observed),
  });
}

/** The steps that compute one `gradient` step; `swap` learns what stands for its outputs. */
function gradientSteps(
  step: GradientStep,
  before: readonly Step<"logical">[],
  recomputing: Recomputing,
  constants: ReadonlySet<number>,
  swap: Map<number, LogicalValue>,
): readonly Step<"logical">[] {
  const block = new BlockBuilder(recomputing.ids, { origin: step.origin, scope: step.scope, phase: "backward" });
  const by = step.by.map((value) => swap.get(value.id) ?? value);
  const loss = swap.get(step.loss.id) ?? step.loss;
  const active = dependents(
    before,
    by.map(({ id }) => id),
    constants,
  );
  const gradients = new Gradients(block);
  const [one] = block.emit(constant, [], { shape: [], dtype: loss.type.dtype, value: 1 }, { gradientOf: loss.id });
  gradients.arrive(loss, one!);
  reverseSteps(before, gradients, block, { active, recomputing });
  const ends = step.outputs.map((output, i) => {
    const end = gradients.of(by[i]!) ?? zeroLike(block, by[i]!);
    swap.set(output.id, end);
    return end;
  });
  return recomputeModules({ forward: before, backward: block.steps, ends, repeat: null }, recomputing);
}
