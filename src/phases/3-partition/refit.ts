// Values made of nothing along a dim (a broadcast, a dropout mask, positions) follow their reader: the op that makes
// them is emitted again with that letter split, instead of being made whole and sliced. Ops on such values alone
// follow too.
import type { Choice, LogicalValue, OpStep, PlacedValue } from "../../ir/graph.js";
import { dimOf } from "../../ir/local-typing.js";
import type { MeshFacts } from "../../ir/mesh-facts.js";
import { type Placement, partialAxes, plainCut, sameCut, sameSplit } from "../../ir/placement.js";
import { type StepLetters, stepLetters } from "../../ir/step-letters.js";
import { letterCut } from "./letter-units.js";

/** Per output, the dims whose letter no input has, or only inputs whose dim floats as well. */
export function floatingDims(
  step: Pick<OpStep<"logical">, "op" | "attrs" | "inputs"> & { readonly choice: Choice },
  floatingOf: (value: LogicalValue) => ReadonlySet<number>,
): readonly ReadonlySet<number>[] {
  const letters = lettersOf(step);
  const floats = (letter: string): boolean =>
    !letters.whole.has(letter) &&
    !step.choice.letters.has(letter) &&
    letters.outputs.every((term) => dimOf(term, letter) >= 0) &&
    letters.inputs.every((term, i) => {
      const dim = dimOf(term, letter);
      return dim < 0 || floatingOf(step.inputs[i]!).has(dim);
    });
  return letters.outputs.map((term) => new Set(term.flatMap(({ letter }, dim) => (floats(letter) ? [dim] : []))));
}

/** The choice with which the op makes its result where it is asked for, or null where it cannot. */
export function refit(
  step: OpStep<"placed">,
  value: PlacedValue,
  to: Placement,
  floating: ReadonlySet<number>,
  facts: MeshFacts,
): { readonly choice: Choice; readonly letters: StepLetters } | null {
  const now = value.placement;
  if (partialAxes(now).length > 0 || partialAxes(to).length > 0) return null;
  const letters = lettersOf(step);
  const term = letters.outputs[step.outputs.findIndex(({ id }) => id === value.id)]!;
  const busy = [...step.choice.letters.values()].flat();
  const split = new Map(step.choice.letters);
  const cuts = new Map(step.choice.cuts);
  for (const [dim, wanted] of to.dims.entries()) {
    if (sameSplit(now.dims[dim]!, wanted)) continue;
    const cut = letterCut(term[dim]!, wanted, letters, facts);
    if (!floating.has(dim) || cut === null || wanted.axes.some((axis) => busy.includes(axis))) return null;
    split.set(term[dim]!.letter, wanted.axes);
    if (!sameCut(cut, plainCut)) cuts.set(term[dim]!.letter, cut);
  }
  return { choice: { letters: split, cuts, pass: step.choice.pass }, letters };
}

const lettersOf = (step: Pick<OpStep<"logical">, "op" | "attrs" | "inputs">): StepLetters =>
  stepLetters(
    step.op,
    step.inputs.map(({ type }) => type.shape),
    step.attrs,
  );
