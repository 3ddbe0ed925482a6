// Which ops can run in rounds around an axis, a piece of one letter in each: those whose inputs are gathered along it, or
// whose sums are scattered along it, and whose record says that this is worth it. A gather goes only if all its readers
// go in rounds; gathers of parameters stay, for these are the same in every round of everything else.
import type { Choice, LocalValue, MoveStep, OpStep, Step } from "../../../ir/graph.js";
import { dimOf } from "../../../ir/local-typing.js";
import type { MeshFacts } from "../../../ir/mesh-facts.js";
import { type Axis, type Cut, type DimSplit, sameAxes, sameCut } from "../../../ir/placement.js";
import { type StepLetters, stepLetters, type TermDim } from "../../../ir/step-letters.js";
import { letterCut } from "../letter-units.js";
import type { Readers } from "../readers.js";
import { findScatter, type Scatter } from "./find-scatter.js";

/** How an input's pieces come: it has no part of the letter; they go around; they are cut from what every rank holds. */
export type Coming = { readonly kind: "whole" | "cut" } | { readonly kind: "travels"; readonly gather: MoveStep };
/** What becomes of a result's pieces: they are merged; put side by side; or they go around as a sum and come home. */
export type Going = { readonly kind: "merged" | "joined" } | { readonly kind: "comes home"; readonly scatter: Scatter };

export interface Rounds {
  readonly step: OpStep<"local">;
  readonly letters: StepLetters;
  readonly axis: Axis;
  readonly degree: number;
  readonly letter: string;
  /** The step's choice with the letter split over the axis as well. */
  readonly choice: Choice;
  readonly keepsPieces: boolean;
  readonly inputs: readonly Coming[];
  readonly outputs: readonly Going[];
}

/** One list of steps, and what is known around it. */
export interface Surroundings {
  readonly makers: ReadonlyMap<number, Step<"local">>;
  readonly readers: Readers;
  /** Values that depend on the batch. */
  readonly activations: ReadonlySet<number>;
  readonly facts: MeshFacts;
}

/** What a mesh and a layout allow on an axis. */
export interface RoundsAllowed {
  readonly axis: Axis;
  /** Whether sums may go around instead of being scattered. */
  readonly scatters: boolean;
  /** Pieces that came in forward are kept for backward where a gather would be; else they come again. */
  readonly keepsPieces: boolean;
}

export function findRounds(
  steps: readonly Step<"local">[],
  allowed: readonly RoundsAllowed[],
  around: Surroundings,
): ReadonlyMap<Step<"local">, Rounds> {
  const found = new Map<Step<"local">, Rounds>();
  for (const step of steps) {
    if (step.kind !== "op") continue;
    const rounds = allowed.map((each) => roundsOver(step, each, around)).find((each) => each !== null);
    if (rounds) found.set(step, rounds);
  }
  for (;;) {
    const lost = [...found.values()].find((rounds) => !rounds.inputs.every((each) => goesWithAll(each, found, around)));
    if (!lost) return found;
    found.delete(lost.step);
  }
}

/** Whether everybody who reads a gather takes its pieces as they come. */
function goesWithAll(coming: Coming, found: ReadonlyMap<Step<"local">, Rounds>, around: Surroundings): boolean {
  if (coming.kind !== "travels") return true;
  const { gather } = coming;
  const readsPieces = (reader: Step<"local"> | null): boolean => {
    if (reader?.kind === "fill") return (around.readers.get(reader.outputs[0].id) ?? []).every(readsPieces);
    const rounds = reader === null ? undefined : found.get(reader);
    return rounds?.inputs.some((each) => each.kind === "travels" && each.gather === gather) ?? false;
  };
  return (around.readers.get(gather.outputs[0].id) ?? []).every(readsPieces);
}

function roundsOver(
  step: OpStep<"local">,
  { axis, scatters, keepsPieces }: RoundsAllowed,
  around: Surroundings,
): Rounds | null {
  const degree = around.facts.mesh.degrees[axis];
  if (degree === "auto" || degree < 2 || step.choice.turn || step.choice.pass.has(axis)) return null;
  const letters = stepLetters(
    step.op,
    step.inputs.map(({ type }) => type.shape),
    step.attrs,
  );
  const gathers = step.inputs.map((value) => gatherOf(value, axis, around));
  const scattered = step.outputs.map((value) => findScatter(value, axis, around));
  const gathered = gathers.flatMap((move, i) => (move ? [letters.inputs[i]![move.move.dim]!.letter] : []));
  const home = scattered.flatMap((scatter, o) => (scatter ? [letters.outputs[o]![scatter.dim]!.letter] : []));
  for (const letter of new Set(scatters ? [...gathered, ...home] : gathered)) {
    if (!step.op.rounds(letter)) continue;
    const rounds = roundsAlong(letter, { step, letters, axis, degree, keepsPieces, gathers, scattered }, around);
    if (rounds) return rounds;
  }
  return null;
}

interface Ends extends Pick<Rounds, "step" | "letters" | "axis" | "degree" | "keepsPieces"> {
  readonly gathers: readonly (MoveStep | null)[];
  readonly scattered: readonly (Scatter | null)[];
}

function roundsAlong(letter: string, ends: Ends, { facts }: Surroundings): Rounds | null {
  const { step, letters, axis, degree, keepsPieces, gathers, scattered } = ends;
  const inputs = letters.inputs.map((term, i): Coming => {
    const dim = dimOf(term, letter);
    const gather = gathers[i];
    if (gather && gather.move.dim === dim) return { kind: "travels", gather };
    return { kind: dim < 0 ? "whole" : "cut" };
  });
  const outputs = letters.outputs.map((term, o): Going | null => {
    const dim = dimOf(term, letter);
    const isSum = step.outputs[o]!.placement.partial[axis] !== undefined;
    if (!isSum) return { kind: dim < 0 ? "merged" : "joined" };
    const scatter = scattered[o];
    return scatter && scatter.dim === dim ? { kind: "comes home", scatter } : null;
  });
  if (!outputs.every((each) => each !== null)) return null;
  const splits = [
    ...inputs.flatMap((each, i) => {
      if (each.kind !== "travels") return [];
      const { dim } = each.gather.move;
      return [splitOf(letters.inputs[i]![dim]!, each.gather.inputs[0].placement.dims[dim]!)];
    }),
    ...outputs.flatMap((each, o) =>
      each.kind === "comes home" ? [splitOf(letters.outputs[o]![each.scatter.dim]!, each.scatter.split)] : [],
    ),
  ];
  const [first] = splits;
  if (
    !first ||
    splits.some((each) => each === null || !sameAxes(each.axes, first.axes) || !sameCut(each.cut, first.cut))
  )
    return null;
  if (!sameAxes(first.axes, [...(step.choice.letters.get(letter) ?? []), axis])) return null;
  const choice: Choice = {
    letters: new Map([...step.choice.letters, [letter, first.axes]]),
    cuts: new Map([...step.choice.cuts, [letter, first.cut]]),
    pass: step.choice.pass,
  };
  return { step, letters, axis, degree, letter, choice, keepsPieces, inputs, outputs };

  function splitOf(dim: TermDim, split: DimSplit): { readonly axes: readonly Axis[]; readonly cut: Cut } | null {
    const cut = letterCut(dim, split, letters, facts);
    return cut && { axes: split.axes, cut };
  }
}

/** The gather that made a value of the batch, behind what fills its padding. */
function gatherOf(value: LocalValue, axis: Axis, { makers, activations }: Surroundings): MoveStep | null {
  let maker = makers.get(value.id);
  while (maker?.kind === "fill") maker = makers.get(maker.inputs[0].id);
  const isGather = maker?.kind === "move" && maker.move.what === "all-gather" && maker.move.axis === axis;
  return isGather && maker?.kind === "move" && activations.has(value.id) ? maker : null;
}
