// A step once more, over values of its own.
import type { LocalValue, Step } from "../../../ir/graph.js";
import { replaceInStep } from "../../../ir/steps.js";

/** Values by the id of those they stand for. */
export type Renames = Map<number, LocalValue>;

/**
 * The step with what it reads as `renames` says, and everything that it makes or has inside anew: new values are entered
 * in `renames`.
 */
export function instanceOf<S extends Step<"local">>(step: S, renames: Renames, newId: () => number): S {
  return replaceInStep<"local">(step, (value) => {
    const known = renames.get(value.id);
    if (known) return known;
    const fresh = { ...value, id: newId() };
    renames.set(value.id, fresh);
    return fresh;
  }) as S;
}

/** All steps at one microbatch, those inside too. */
export const inMicrobatch = (step: Step<"local">, microbatch: number): Step<"local"> =>
  step.kind === "repeat"
    ? { ...step, microbatch, body: step.body.map((inner) => inMicrobatch(inner, microbatch)) }
    : { ...step, microbatch };
