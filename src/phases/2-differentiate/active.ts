// Which values a loss depends on and which depend on the parameters: gradients flow through those that do both.
import type { RepeatStep, Step } from "../../ir/graph.js";
import { isFloat } from "../../ir/tensor-type.js";

export type Ids = ReadonlySet<number>;

/** Values of this block and of its bodies that depend on `sources`. Gradients of other losses are constants. */
export function dependents(steps: readonly Step<"logical">[], sources: Iterable<number>, constants: Ids): Ids {
  const found = new Set<number>(sources);
  const visit = (list: readonly Step<"logical">[]): void => {
    for (const step of list) {
      if (step.kind === "op") {
        if (step.op.stopsGradient) continue;
        if (step.inputs.some(({ id }, i) => found.has(id) && !step.op.indices.includes(i)))
          for (const { id, type } of step.outputs) if (isFloat(type.dtype) && !constants.has(id)) found.add(id);
      } else if (step.kind === "repeat") visitRepeat(step);
    }
  };
  const visitRepeat = (step: RepeatStep<"logical">): void => {
    for (const { items, each } of step.stacked) if (items.some(({ id }) => found.has(id))) found.add(each.id);
    for (const { outer, inner } of step.shared) if (found.has(outer.id)) found.add(inner.id);
    for (const { start, enter } of step.carried) if (found.has(start.id)) found.add(enter.id);
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      visit(step.body);
      for (const { enter, leave } of step.carried) if (found.has(leave.id)) found.add(enter.id);
    }
    for (const { start, leave, result } of step.carried)
      if (found.has(leave.id) || found.has(start.id)) if (isFloat(result.type.dtype)) found.add(result.id);
    for (const { each, items } of step.collected) if (found.has(each.id)) for (const { id } of items) found.add(id);
  };
  visit(steps);
  return found;
}
