// Chooses, for one op and each mesh axis, the letter that the axis splits. In this order: a mark of the user; what all
// inputs that are split agree on; a parameter's letter (or that of the parameter whose gradient is made); the cheapest.
// A gradient wants to be where its primal is split: that is a candidate where inputs are whole, where they disagree,
// and where a sum must be made whole.
import type { Choice, OpStep } from "../../ir/graph.js";
import type { Mark } from "../../ir/layout.js";
import { type Axis, type Cut, cutOf, plainCut, sameCut, whereIs } from "../../ir/placement.js";
import type { StepLetters, TermDim } from "../../ir/step-letters.js";
import { cheapest } from "./compare-costs.js";
import { type AxisState, type Candidate, letterSplitLike, stateOn } from "./letter-units.js";
import { passingInputs } from "./pass-sums.js";
import { type Block, lookUp, type Placing, placementIn, primalOf, type Where } from "./placing.js";

export function chooseLetters(step: OpStep<"logical">, letters: StepLetters, block: Block, placing: Placing): Choice {
  const { facts } = placing;
  const inputs = step.inputs.map((value) => lookUp(placing, value));
  const placements = inputs.map((known) => placementIn(step.phase, known));
  const primals = step.outputs.map((value) => primalOf(placing, value));
  const mark = placing.markOf(step);
  const may = (letter: string): boolean => !letters.whole.has(letter) || step.op.apart(letter) !== null;
  const wantedBy = (primal: Where | null, term: readonly TermDim[], axis: Axis): string | null => {
    if (primal === null) return null;
    const at = whereIs(axis, placementIn(step.phase, primal));
    return typeof at === "number" && term[at] !== undefined ? term[at].letter : null;
  };

  const taken = new Map<Axis, string>();
  const pass = new Map<Axis, readonly number[]>();
  for (const axis of facts.axes) {
    const marked = mark?.[axis];
    if (marked !== undefined) {
      if (marked !== null) taken.set(axis, letters.outputs[0]![marked]!.letter);
      continue;
    }
    const states = placements.map((placement, i) => stateOn(axis, placement, letters.inputs[i]!, letters, facts));
    const partial = states.flatMap((state, i) => (state === "partial" ? [i] : []));
    const isSplit = states.some((state) => state !== null && state !== "partial");
    if (!isSplit) {
      const passing = passingInputs(step, partial, inputs, axis, block);
      if (passing) {
        pass.set(axis, passing);
        continue;
      }
    }
    const wants = primals.map((primal, o) => wantedBy(primal, letters.outputs[o]!, axis));
    const proposed = states.flatMap((state) => (state === null || state === "partial" ? [] : [state.letter]));
    // A sum that must be made whole here goes straight to where its primal is split.
    for (const i of partial) {
      const letter = wantedBy(inputs[i]!.primal, letters.inputs[i]!, axis);
      if (letter !== null) proposed.push(letter);
    }
    const candidates = [...proposed, ...wants.filter((letter) => letter !== null)];
    const options = [...new Set(candidates)].filter(may);
    const settled = settle(options, proposed, states, (i) => inputs[i]!.isParameter, primals, wants);
    const letter =
      settled !== undefined
        ? settled
        : cheapest(options, { step, letters, axis, placements, states, wants }, block, facts);
    if (letter !== null) taken.set(axis, letter);
  }
  const given = placements.map((placement, i) => ({ term: letters.inputs[i]!, placement }));
  const wanted = (primal: Where | null, term: readonly TermDim[]): Candidate[] =>
    primal === null ? [] : [{ term, placement: placementIn(step.phase, primal) }];
  const candidates = [
    ...given.filter((_, i) => inputs[i]!.isParameter),
    ...given.filter((_, i) => !inputs[i]!.isParameter),
    ...inputs.flatMap(({ primal }, i) => wanted(primal, letters.inputs[i]!)),
    ...primals.flatMap((primal, o) => wanted(primal, letters.outputs[o]!)),
  ];
  const choice = choiceOf(taken, pass, candidates, letters, placing);
  return mark === null ? choice : dealt(choice, mark, placing);
}

/** A letter without asking for costs: the only one that is proposed, or a parameter's. Undefined: they disagree. */
function settle(
  options: readonly string[],
  proposed: readonly string[],
  states: readonly AxisState[],
  isParameter: (input: number) => boolean,
  primals: readonly (Where | null)[],
  wants: readonly (string | null)[],
): string | null | undefined {
  const [only] = options;
  if (only === undefined) return null;
  const allFit = states.every((state) => state === null || state === "partial" || state.fits);
  if (options.length === 1 && allFit && proposed.every((letter) => letter === only)) return only;
  const strong = new Set<string>();
  states.forEach((state, i) => {
    if (state !== null && state !== "partial" && isParameter(i) && options.includes(state.letter))
      strong.add(state.letter);
  });
  wants.forEach((letter, o) => {
    if (letter !== null && primals[o]!.isParameter) strong.add(letter);
  });
  const [winner] = strong;
  return strong.size === 1 && options.includes(winner!) ? winner : undefined;
}

/** Where the outermost axis of a letter is one that a mark names and that deals, it deals head and tail pieces. */
function dealt(choice: Choice, mark: Mark, { dealing }: Placing): Choice {
  const cuts = new Map(choice.cuts);
  for (const [letter, [outermost]] of choice.letters)
    if (outermost !== undefined && typeof mark[outermost] === "number" && dealing.includes(outermost))
      cuts.set(letter, { ...(cuts.get(letter) ?? plainCut), order: "headTail" });
  return { ...choice, cuts };
}

function choiceOf(
  taken: ReadonlyMap<Axis, string>,
  pass: ReadonlyMap<Axis, readonly number[]>,
  candidates: readonly Candidate[],
  letters: StepLetters,
  { facts }: Placing,
): Choice {
  const split = new Map<string, readonly Axis[]>();
  const cuts = new Map<string, Cut>();
  for (const letter of new Set(taken.values())) {
    const axes = facts.axes.filter((axis) => taken.get(axis) === letter);
    const like = letterSplitLike(letter, axes, candidates, letters, facts);
    split.set(letter, like.axes);
    if (!sameCut(like, plainCut)) cuts.set(letter, cutOf(like));
  }
  return { letters: split, cuts, pass };
}
