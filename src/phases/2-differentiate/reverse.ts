// Walks steps backwards and emits their gradients. Forward values are named as they are: at the top they are there, in a
// body `reverse-repeat` brings them in.
import type { BlockBuilder } from "../../ir/build.js";
import type { LogicalValue, RepeatStep, Step } from "../../ir/graph.js";
import type { Ids } from "./active.js";
import type { Gradients } from "./gradients.js";
import type { Recomputing } from "./recompute-modules.js";
import { reverseRepeat } from "./reverse-repeat.js";

/** Further values that a forward repeat collects for its backward repeat. */
export type Saved = Map<
  RepeatStep<"logical">,
  { readonly each: LogicalValue; readonly items: readonly LogicalValue[] }[]
>;

export interface Reverse {
  /** Values whose gradients are wanted, or that wanted ones depend on. */
  readonly active: Ids;
  readonly recomputing: Recomputing;
}

/** The gradients of everything in `steps`, from those that `gradients` holds already. */
export function reverseSteps(
  steps: readonly Step<"logical">[],
  gradients: Gradients,
  block: BlockBuilder,
  context: Reverse,
): void {
  for (const step of [...steps].reverse()) {
    const place = { origin: step.origin, scope: step.scope, phase: "backward" } as const;
    if (step.kind === "repeat") block.at(place, () => reverseRepeat(step, gradients, block, context));
    else if (step.kind === "op") {
      if (!step.inputs.some(({ id }) => context.active.has(id))) continue;
      const outer = step.outputs.map((value) => gradients.of(value));
      if (outer.every((gradient) => gradient === null)) continue;
      block.at(place, () => {
        const terms = step.op.gradient(block, outer, step.inputs, step.outputs, step.attrs);
        step.inputs.forEach((value, i) => {
          if (context.active.has(value.id)) gradients.arrive(value, noted(terms[i] ?? null, value, block));
        });
      });
    }
  }
}

/** The term, known as (a term of) the gradient of `of`, where the step that makes it is new. */
function noted(term: LogicalValue | null, of: LogicalValue, block: BlockBuilder): LogicalValue | null {
  if (term === null || term.gradientOf !== null) return term;
  const last = block.steps.findLastIndex((step) => step.kind === "op" && step.outputs.some(({ id }) => id === term.id));
  const step = block.steps[last];
  if (step?.kind !== "op") return term;
  const note = (value: LogicalValue): LogicalValue => (value.id === term.id ? { ...value, gradientOf: of.id } : value);
  block.steps[last] = { ...step, outputs: step.outputs.map(note) };
  for (let i = last + 1; i < block.steps.length; i++) {
    const later = block.steps[i]!;
    if (later.kind === "op" && later.inputs.some(({ id }) => id === term.id))
      block.steps[i] = { ...later, inputs: later.inputs.map(note) };
  }
  return { ...term, gradientOf: of.id };
}
