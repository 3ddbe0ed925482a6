// Purpose: every `gradient` step becomes the steps that compute it (reverse mode), at its place; repeats keep being
// repeats. Needs: a logical graph. Leaves: one without `gradient` steps. Example: y = w x gives dw = dy xᵀ behind it.
import { BlockBuilder, ValueIds } from "../../ir/build.js";
import type { GradientStep, LogicalGraph, LogicalValue, Step } from "../../ir/graph.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId, replaceInSteps } from "../../ir/steps.js";
import { constant } from "../../ops/table.js";
import { dependents } from "./active.js";
import { Gradients, zeroLike } from "./gradients.js";
import { reverseSteps, type Saved } from "./reverse.js";

export function differentiate(graph: LogicalGraph): LogicalGraph {
  if (!graph.steps.some(({ kind }) => kind === "gradient")) return graph;
  const ids = new ValueIds(highestId(graph) + 1);
  const saved: Saved = new Map();
  const constants = new Set<number>();
  const swap = new Map<number, LogicalValue>();
  const replace = (value: LogicalValue): LogicalValue => swap.get(value.id) ?? value;
  let steps: Step<"logical">[] = [];
  for (const step of graph.steps) {
    if (step.kind !== "gradient") {
      steps.push(...replaceInSteps([step], replace));
      continue;
    }
    const block = gradientSteps(step, steps, saved, constants, ids, swap);
    steps = [...steps, ...block.steps];
    for (const made of block.steps) if (made.kind === "op") for (const { id } of made.outputs) constants.add(id);
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
  saved: Saved,
  constants: ReadonlySet<number>,
  ids: ValueIds,
  swap: Map<number, LogicalValue>,
): BlockBuilder {
  const block = new BlockBuilder(ids, { origin: step.origin, scope: step.scope, phase: "backward" });
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
  reverseSteps(before, gradients, block, { active, saved });
  step.outputs.forEach((output, i) => {
    swap.set(output.id, gradients.of(by[i]!) ?? zeroLike(block, by[i]!));
  });
  return block;
}
