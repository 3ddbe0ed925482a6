// What an op's record says of a step at the local level: the placements its choice demands of inputs and gives to
// results, and which padding must be neutral. Read by the pass that decides, the one that acts, and the checker.
import type { Op } from "../ops/op.js";
import type { Choice } from "./graph.js";
import { type MeshFacts, plainSplit, surelyDivides } from "./mesh-facts.js";
import { type Axis, cutOf, type DimSplit, notSplit, type Placement, plainCut, type Reduction } from "./placement.js";
import type { StepLetters, TermDim } from "./step-letters.js";
import { type Turn, turnOf } from "./turn.js";

/** How a letter is split, in places of the letter. */
export const letterSplit = (choice: Choice, letter: string): DimSplit => {
  const axes = choice.letters.get(letter);
  return axes === undefined ? notSplit : { axes, ...(choice.cuts.get(letter) ?? plainCut) };
};

/** How a dim is split where the letter that leads it, of `letterSize` places, is split so. */
export function dimSplit(
  { size, inside }: TermDim,
  letterSize: number,
  { axes, unit, extent = letterSize, order }: DimSplit,
  facts: MeshFacts,
): DimSplit {
  const cut = { unit: unit * inside, extent: extent * inside, ...(order === undefined ? {} : { order }) };
  return plainSplit(size, { axes, ...cutOf(cut) }, facts);
}

const termSplits = (
  term: readonly TermDim[],
  letters: StepLetters,
  choice: Choice,
  facts: MeshFacts,
): readonly DimSplit[] =>
  term.map((dim) => dimSplit(dim, letters.sizes.get(dim.letter)!, letterSplit(choice, dim.letter), facts));

/** Where input `index` must be before the step runs. */
export const requiredPlacement = (
  index: number,
  letters: StepLetters,
  choice: Choice,
  facts: MeshFacts,
): Placement => ({
  dims: termSplits(letters.inputs[index]!, letters, choice, facts),
  partial: Object.fromEntries([...choice.pass].flatMap(([axis, set]) => (set.includes(index) ? [[axis, "sum"]] : []))),
});

/** Where each result is afterwards: split as its letters are, and a sum (or maximum) over the axes that split what it lacks. */
export const resultPlacements = (
  op: Op,
  letters: StepLetters,
  choice: Choice,
  facts: MeshFacts,
): readonly Placement[] =>
  letters.outputs.map((term) => {
    const partial: { [A in Axis]?: Reduction } = {};
    for (const axis of choice.pass.keys()) partial[axis] = "sum";
    for (const letter of letters.reduced)
      if (!term.some((dim) => dim.letter === letter))
        for (const axis of choice.letters.get(letter) ?? []) partial[axis] = op.reduction[letter] ?? "sum";
    // Parts of a sum over rounds are told by the turn.
    if (choice.turn) delete partial[choice.turn.axis];
    return { dims: termSplits(term, letters, choice, facts), partial };
  });

/** Whose part an input must be. `degree`: ranks on the axis of the rounds. */
export function requiredTurn(
  term: readonly TermDim[],
  placement: Placement,
  choice: Choice,
  degree: number,
): Turn | undefined {
  if (!choice.turn) return undefined;
  const { axis, by, letter } = choice.turn;
  const dim = dimOf(term, letter);
  return dim < 0 ? undefined : turnOf({ axis, by, dim, rounds: [] }, placement, degree);
}

/**
 * Whose part each result of a round is: of what lacks the letter, a part of this rank's own; of what has it, the piece's,
 * and a part of a sum where the axis splits a letter that is reduced there.
 */
export const resultTurns = (
  letters: StepLetters,
  placements: readonly Placement[],
  choice: Choice,
  degree: number,
): readonly (Turn | undefined)[] =>
  letters.outputs.map((term, o) => {
    if (!choice.turn) return undefined;
    const { axis, by, letter } = choice.turn;
    const dim = dimOf(term, letter);
    if (dim < 0) return turnOf({ axis, by: 0, dim, rounds: [by] }, placements[o]!, degree);
    const isSum = letters.reduced.some(
      (other) => dimOf(term, other) < 0 && (choice.letters.get(other) ?? []).includes(axis),
    );
    return turnOf({ axis, by, dim, rounds: isSum ? [by] : [] }, placements[o]!, degree);
  });

/** Whose part the results of an op on parts are: the same rank's, with the rounds of all of them. */
export function turnsOfParts(
  turns: readonly (Turn | undefined)[],
  letters: StepLetters,
  placements: readonly Placement[],
  degree: number,
): readonly (Turn | undefined)[] {
  const turned = turns.flatMap((turn, i) => (turn ? [{ turn, letter: letters.inputs[i]![turn.dim]?.letter }] : []));
  const [first] = turned;
  if (!first) return letters.outputs.map(() => undefined);
  const { axis, by } = first.turn;
  const rounds = turned.flatMap(({ turn }) => turn.rounds);
  const letter = turned.find((each) => each.letter !== undefined)?.letter;
  return letters.outputs.map((term, o) => {
    const dim = letter === undefined ? -1 : dimOf(term, letter);
    return turnOf({ axis, by, dim, rounds }, placements[o]!, degree);
  });
}

export interface NeutralFill {
  readonly letter: string;
  readonly input: number;
  readonly dim: number;
  readonly fill: number;
}

/** What must stand in the padding of inputs along reduced letters, wherever there can be padding. */
export const neutralFills = (
  op: Op,
  attrs: unknown,
  letters: StepLetters,
  choice: Choice,
  facts: MeshFacts,
): readonly NeutralFill[] =>
  [...letters.reduced, ...longer(op, attrs, letters)].flatMap((letter) =>
    (op.neutral?.(letter) ?? addends(op, attrs, letters, letter)).flatMap(({ input, fill }) => {
      const dim = dimOf(letters.inputs[input]!, letter);
      return dim < 0 || hasNoPadding(letters.inputs[input]![dim]!, letters, choice, facts)
        ? []
        : [{ letter, input, dim, fill }];
    }),
  );

const hasNoPadding = (dim: TermDim, letters: StepLetters, choice: Choice, facts: MeshFacts): boolean =>
  surelyDivides(dim.size, dimSplit(dim, letters.sizes.get(dim.letter)!, letterSplit(choice, dim.letter), facts), facts);

/** Letters of which results have more places than operands: there they show what stands in the operands' padding. */
const longer = (op: Op, attrs: unknown, letters: StepLetters): readonly string[] =>
  Object.keys(op.resized(attrs)).filter((letter) =>
    letters.inputs.flat().some((dim) => dim.letter === letter && dim.size < letters.sizes.get(letter)! * dim.inside),
  );

/** Zero has no effect in any input of a linear set; inputs that are linear together must all be cleared, of factors one is enough. */
function addends(op: Op, attrs: unknown, letters: StepLetters, letter: string): { input: number; fill: number }[] {
  const set = op
    .linear(letters.inputs.length, attrs)
    .find((inputs) => inputs.some((i) => dimOf(letters.inputs[i]!, letter) >= 0));
  return (set ?? []).map((input) => ({ input, fill: 0 }));
}

/** The dim of a term that a letter leads, or -1. */
export const dimOf = (term: readonly TermDim[], letter: string): number =>
  term.findIndex((dim) => dim.letter === letter);
