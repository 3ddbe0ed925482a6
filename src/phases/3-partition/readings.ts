// Which values a placed list of steps reads, and where it wants them: split, and in which axes as sums in parts.
import type { PlacedValue, Step } from "../../ir/graph.js";
import { requiredPlacement } from "../../ir/local-typing.js";
import type { MeshFacts } from "../../ir/mesh-facts.js";
import type { Placement } from "../../ir/placement.js";
import { stepLetters } from "../../ir/step-letters.js";

export interface Reading {
  readonly value: PlacedValue;
  readonly placement: Placement;
}

/** Inside nested repeats only through their lists of operands. */
export function readings(steps: readonly Step<"placed">[], facts: MeshFacts): readonly Reading[] {
  return steps.flatMap((step): Reading[] => {
    if (step.kind === "op") {
      const shapes = step.inputs.map(({ type }) => type.shape);
      const letters = stepLetters(step.op, shapes, step.attrs);
      return step.inputs.map((value, i) => ({ value, placement: requiredPlacement(i, letters, step.choice, facts) }));
    }
    return [
      ...step.carried.map(({ start, enter: { placement } }) => ({ value: start, placement })),
      ...step.stacked.flatMap(({ items, each: { placement } }) => items.map((value) => ({ value, placement }))),
      ...step.shared.map(({ outer, inner: { placement } }) => ({ value: outer, placement })),
    ];
  });
}
