// A sum that is scattered: right after it is made, or behind ops that it passes in parts (views, the adding of a bias).
// Such ops can as well be done on the scattered part.
import { localPlaceOf } from "../../../ir/build.js";
import type { Choice, LocalValue, MoveStep, OpStep, Step } from "../../../ir/graph.js";
import { dimOf, dimSplit, resultPlacements } from "../../../ir/local-typing.js";
import { placementAfter } from "../../../ir/move-type.js";
import { type Axis, type Cut, cutOf, type DimSplit } from "../../../ir/placement.js";
import { type StepLetters, stepLetters } from "../../../ir/step-letters.js";
import { letterCut } from "../letter-units.js";
import type { Surroundings } from "./find-rounds.js";

/** An op between a sum and its scatter, and how it is done on parts. */
export interface Link {
  readonly step: OpStep<"local">;
  /** The input that is the sum. */
  readonly input: number;
  readonly letters: StepLetters;
  readonly letter: string;
  readonly axes: readonly Axis[];
  readonly cut: Cut;
}

export interface Scatter {
  readonly move: MoveStep;
  /** From the sum to the move. */
  readonly links: readonly Link[];
  /** The dim of the sum that is scattered, and how it is split then. */
  readonly dim: number;
  readonly split: DimSplit;
}

/** What scatters a value that nobody else reads; null where it is not scattered over the axis. */
export function findScatter(value: LocalValue, axis: Axis, around: Surroundings): Scatter | null {
  const [reader, ...others] = around.readers.get(value.id) ?? [];
  if (!reader || others.length > 0 || (reader.kind !== "op" && reader.kind !== "move")) return null;
  if (around.makers.get(reader.outputs[0]!.id) !== reader) return null;
  if (reader.kind === "move") {
    if (reader.move.what !== "reduce-scatter" || reader.move.axis !== axis) return null;
    const { dim } = reader.move;
    return { move: reader, links: [], dim, split: reader.outputs[0].placement.dims[dim]! };
  }
  const input = reader.inputs.findIndex(({ id }) => id === value.id);
  const passing = reader.choice.pass.get(axis);
  if (!passing?.includes(input) || reader.outputs.length !== 1) return null;
  if (!reader.inputs.every((other, i) => i === input || !passing.includes(i) || isOwned(other, axis, around)))
    return null;
  const behind = findScatter(reader.outputs[0]!, axis, around);
  return behind && through(reader, input, behind, around);
}

function through(step: OpStep<"local">, input: number, behind: Scatter, { facts }: Surroundings): Scatter | null {
  const letters = stepLetters(
    step.op,
    step.inputs.map(({ type }) => type.shape),
    step.attrs,
  );
  const { letter } = letters.outputs[0]![behind.dim]!;
  const dim = dimOf(letters.inputs[input]!, letter);
  const cut = letterCut(letters.outputs[0]![behind.dim]!, behind.split, letters, facts);
  if (dim < 0 || cut === null || letters.whole.has(letter)) return null;
  const { axes } = behind.split;
  const split = dimSplit(letters.inputs[input]![dim]!, letters.sizes.get(letter)!, { axes, ...cut }, facts);
  const link: Link = { step, input, letters, letter, axes, cut };
  return { move: behind.move, links: [link, ...behind.links], dim, split };
}

const ownerOf = (value: LocalValue, axis: Axis, { makers }: Surroundings): MoveStep | null => {
  const maker = makers.get(value.id);
  return maker?.kind === "move" && maker.move.what === "own" && maker.move.axis === axis ? maker : null;
};
const isOwned = (value: LocalValue, axis: Axis, around: Surroundings): boolean => ownerOf(value, axis, around) !== null;

const choiceOnParts = ({ step, letter, axes, cut }: Link, axis: Axis): Choice => ({
  letters: new Map([...step.choice.letters, [letter, axes]]),
  cuts: new Map([...step.choice.cuts, [letter, cut]]),
  pass: new Map([...step.choice.pass].filter(([passing]) => passing !== axis)),
});

/** What a link makes of parts: its output, scattered. */
export function partOf(link: Link, axis: Axis, { facts }: Surroundings): LocalValue {
  const [placement] = resultPlacements(link.step.op, link.letters, choiceOnParts(link, axis), facts);
  return { ...link.step.outputs[0]!, placement: placement! };
}

/** A link done on parts. `sum` is its input as it came home, `result` what stands for its output. */
export function linkOnParts(
  link: Link,
  sum: LocalValue,
  result: LocalValue,
  axis: Axis,
  around: Surroundings & { readonly newId: () => number },
): readonly Step<"local">[] {
  const { step, letters, letter, axes, cut, input } = link;
  const { facts, newId } = around;
  const slices: Step<"local">[] = [];
  const inputs = step.inputs.map((value, i) => {
    if (i === input) return sum;
    const owner = ownerOf(value, axis, around);
    if (!owner) return value;
    const [whole] = owner.inputs;
    const dim = dimOf(letters.inputs[i]!, letter);
    if (dim < 0) return whole;
    const split = dimSplit(letters.inputs[i]![dim]!, letters.sizes.get(letter)!, { axes, ...cut }, facts);
    const move = { what: "slice", axis, dim, to: -1, reduction: "sum", ...cutOf(split) } as const;
    const placement = placementAfter(move, whole.placement, whole.type.shape, facts);
    const part: LocalValue = { ...whole, id: newId(), placement, filled: whole.type.shape.map(() => null) };
    slices.push({ kind: "move", move, inputs: [whole], outputs: [part], ...localPlaceOf(step) });
    return part;
  });
  return [...slices, { ...step, choice: choiceOnParts(link, axis), inputs, outputs: [result] }];
}
