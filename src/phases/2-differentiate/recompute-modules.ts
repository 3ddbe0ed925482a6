// Activation checkpointing (Chen et al. 2016): what the backward steps of a named module read of its inside is made
// again from what came into the module, right before it is read, so that nothing of the inside is kept. What others read
// in backward is kept anyway and used as it is. Modules inside others come first: their insides are made again from
// values that the module around them then makes again. Work is the same op on the same operands: the same numbers, masks
// of dropout included. Example: with `model.blocks.*` a backward round reads nothing of its forward round but the stream.

import type { ValueIds } from "../../ir/build.js";
import type { LogicalValue, RepeatStep, Step } from "../../ir/graph.js";
import { commonLength, isInModule, pathLength, scopesOf } from "../../ir/module-path.js";
import { makesOf, readsOf, replaceInStep, valuesMadeIn } from "../../ir/steps.js";
import type { IsSent } from "./find-sent.js";
import type { Saved } from "./reverse.js";

export interface Recomputing {
  /** Paths of modules, in a repeat with a star. */
  readonly paths: readonly string[];
  /** What forward repeats are to collect; the ones that are made again collect it too. */
  readonly saved: Saved;
  readonly ids: ValueIds;
  /** What is not made again to save memory, since that would send it again. */
  readonly isSent: IsSent;
}

/** One list of forward steps and the backward steps that belong to it. */
export interface Reversed {
  readonly forward: readonly Step<"logical">[];
  readonly backward: readonly Step<"logical">[];
  /** What leaves the block that the backward steps are in. */
  readonly ends: readonly LogicalValue[];
  /** The repeat whose body `forward` is; null: a graph's own steps. */
  readonly repeat: RepeatStep<"logical"> | null;
}

/** The backward steps, with those that are run again among them. */
export function recomputeModules(
  { forward, backward, ends, repeat }: Reversed,
  { paths, saved, ids }: Recomputing,
): readonly Step<"logical">[] {
  // A module that holds the whole loop is made again where the loop stands.
  const around = repeat === null ? 0 : commonLength(repeat.body);
  const own = paths.filter((path) => pathLength(path) >= around);
  const innermostFirst = [...own].sort((a, b) => pathLength(b) - pathLength(a));
  return innermostFirst.reduce((steps, path) => recomputeModule(path, forward, steps, ends, saved, ids), backward);
}

function recomputeModule(
  path: string,
  forward: readonly Step<"logical">[],
  backward: readonly Step<"logical">[],
  ends: readonly LogicalValue[],
  saved: Saved,
  ids: ValueIds,
): readonly Step<"logical">[] {
  const makers = new Map<number, Step<"logical">>();
  for (const step of forward) {
    if (step.phase !== "forward" || !isMadeIn(step, path)) continue;
    const whole = withCollected(step, saved);
    for (const { id } of makesOf(whole)) makers.set(id, whole);
  }
  if (makers.size === 0) return backward;
  const kept = new Set(ends.map(({ id }) => id));
  for (const step of backward) if (!isInModule(step.scope, path)) for (const { id } of readsOf(step)) kept.add(id);

  const made = new Map<number, LogicalValue>();
  const steps: Step<"logical">[] = [];
  const current = (value: LogicalValue): LogicalValue => made.get(value.id) ?? value;
  const makeAgain = ({ id }: LogicalValue): void => {
    const maker = makers.get(id);
    if (maker === undefined || kept.has(id) || made.has(id)) return;
    for (const value of readsOf(maker)) makeAgain(value);
    const fresh = new Map<number, LogicalValue>();
    for (const value of valuesMadeIn([maker])) fresh.set(value.id, { ...value, id: ids.take() });
    steps.push(inBackward(replaceInStep(maker, (value) => fresh.get(value.id) ?? current(value))));
    for (const value of makesOf(maker)) made.set(value.id, fresh.get(value.id)!);
  };
  for (const step of backward) {
    if (!isInModule(step.scope, path)) {
      steps.push(step);
      continue;
    }
    for (const value of readsOf(step)) makeAgain(value);
    steps.push(replaceInStep(step, current));
  }
  return steps;
}

/** Whether all of a step's work is the module's: a repeat's only if the module holds the loop, and not one round of it. */
function isMadeIn(step: Step<"logical">, path: string): boolean {
  if (step.kind === "gradient") return false;
  if (step.kind === "op") return isInModule(step.scope, path);
  return (
    pathLength(path) < commonLength(step.body) && [...scopesOf(step.body)].every((scope) => isInModule(scope, path))
  );
}

const withCollected = (step: Step<"logical">, saved: Saved): Step<"logical"> =>
  step.kind === "repeat"
    ? {
        ...step,
        collected: [...step.collected, ...(saved.get(step) ?? [])],
        body: step.body.map((inner) => withCollected(inner, saved)),
      }
    : step;

const inBackward = (step: Step<"logical">): Step<"logical"> =>
  step.kind === "repeat"
    ? { ...step, phase: "backward", body: step.body.map(inBackward) }
    : { ...step, phase: "backward" };
