// Which values a placed list of steps reads, and in which of their axes as sums in parts.
import type { PlacedValue, Step } from "../../ir/graph.js";
import type { Axis, Placement } from "../../ir/placement.js";

export interface Reading {
  readonly value: PlacedValue;
  readonly partial: Placement["partial"];
}

/** Inside nested repeats only through their lists of operands. */
export function readings(steps: readonly Step<"placed">[]): readonly Reading[] {
  return steps.flatMap((step): Reading[] => {
    if (step.kind === "op")
      return step.inputs.map((value, i) => {
        const axes = [...step.choice.pass].flatMap(([axis, set]): Axis[] => (set.includes(i) ? [axis] : []));
        return { value, partial: Object.fromEntries(axes.map((axis) => [axis, "sum"])) };
      });
    return [
      ...step.carried.map(({ start, enter }) => ({ value: start, partial: enter.placement.partial })),
      ...step.stacked.flatMap(({ items, each }) => items.map((value) => ({ value, partial: each.placement.partial }))),
      ...step.shared.map(({ outer, inner }) => ({ value: outer, partial: inner.placement.partial })),
    ];
  });
}
