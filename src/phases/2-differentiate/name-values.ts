// Purpose: everything that is made has a name, so that IR, memory plan and emitted code can be read: a gradient is
// `grad.` and what it is the gradient of, anything else is called after the module that makes it. Names that the user
// gave stay. Needs: a logical graph whose gradients are made. Leaves: the same graph with names; they need not be unique.
// Example: the product in `model.blocks.*.attn.qProj` is `qProj`, the gradient of its weight `grad.qProj.weight`.
import type { LogicalGraph, LogicalValue, Step } from "../../ir/graph.js";
import { makesOf, replaceInSteps, valuesOf } from "../../ir/steps.js";

export function nameValues(graph: LogicalGraph): LogicalGraph {
  const names = new Map<number, string>();
  for (const { id, name } of valuesOf(graph)) if (name !== "") names.set(id, name);
  const primals = new Map<number, number>();
  for (const { id, gradientOf } of valuesOf(graph)) if (gradientOf !== null) primals.set(id, gradientOf);
  nameMade(graph.steps, names, primals);
  for (const [id, primal] of primals) if (!names.has(id)) names.set(id, gradientName(names.get(primal)));
  const named = (value: LogicalValue): LogicalValue => {
    const name = names.get(value.id);
    return name === undefined || name === value.name ? value : { ...value, name };
  };
  const ends = <E extends { readonly value: LogicalValue }>(list: readonly E[]): readonly E[] =>
    list.map((end) => ({ ...end, value: named(end.value) }));
  return {
    ...graph,
    steps: replaceInSteps(graph.steps, named),
    results: ends(graph.results),
    updates: ends(graph.updates),
    observed: ends(graph.observed),
  };
}

const gradientName = (primal: string | undefined): string => `grad.${primal ?? "value"}`;

function nameMade(
  steps: readonly Step<"logical">[],
  names: Map<number, string>,
  primals: ReadonlyMap<number, number>,
): void {
  for (const step of steps) {
    if (step.kind === "repeat") {
      nameMade(step.body, names, primals);
      // What a repeat hands on and out is called as it is inside.
      for (const { enter, leave, result } of step.carried)
        for (const { id } of [enter, result]) if (!names.has(id)) names.set(id, names.get(leave.id) ?? "value");
      for (const { each, items } of step.collected)
        for (const { id } of items) if (!names.has(id)) names.set(id, names.get(each.id) ?? "value");
      for (const { items, each } of step.stacked)
        if (!names.has(each.id)) names.set(each.id, names.get(items[0]!.id) ?? "value");
      for (const { outer, inner } of step.shared)
        if (!names.has(inner.id)) names.set(inner.id, names.get(outer.id) ?? "value");
      continue;
    }
    for (const { id } of makesOf(step)) {
      if (names.has(id)) continue;
      const primal = primals.get(id);
      const what = step.kind === "op" ? step.op.name : step.kind;
      names.set(id, primal === undefined ? step.scope.split(".").at(-1) || what : gradientName(names.get(primal)));
    }
  }
}
