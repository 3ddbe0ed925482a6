// One walk over a list of steps: a choice for every op, and from it the placement of every result. Nothing flows back
// but what gradients want (see choose-letters.ts), so the walk ends after one pass.
import type { Choice, OpStep, PlacedValue, Step } from "../../ir/graph.js";
import { requiredPlacement, resultPlacements } from "../../ir/local-typing.js";
import { samePlacement } from "../../ir/placement.js";
import { type StepLetters, stepLetters } from "../../ir/step-letters.js";
import { chooseLetters } from "./choose-letters.js";
import { stateOn } from "./letter-units.js";
import { narrows } from "./narrowing.js";
import { placeRepeat } from "./place-repeat.js";
import {
  type Block,
  countReads,
  type Known,
  learn,
  lookUp,
  type Placing,
  placementIn,
  primalOf,
  type Where,
} from "./placing.js";
import { refineInputs } from "./refine-inputs.js";
import { floatingDims } from "./refit.js";
import { takeApart } from "./take-apart.js";

export function placeSteps(steps: readonly Step<"logical">[], block: Block, placing: Placing): void {
  for (const step of steps) {
    if (step.kind === "op") placeOp(step, block, placing);
    else if (step.kind === "repeat") placeRepeat(step, block, placing);
    else throw new Error("a graph is placed after its gradients are made");
  }
}

function placeOp(step: OpStep<"logical">, block: Block, placing: Placing): void {
  const shapes = step.inputs.map(({ type }) => type.shape);
  const letters = stepLetters(step.op, shapes, step.attrs);
  const cutInside = findCutInside(step, letters, placing);
  if (cutInside !== null) {
    placeApart(step, cutInside, block, placing);
    return;
  }
  const source = atRest(step, block, placing);
  const choice = chooseLetters(source ? { ...step, phase: "update" } : step, letters, block, placing);
  const whole = [...choice.letters.keys()].find((letter) => letters.whole.has(letter));
  if (whole !== undefined) {
    placeApart(refineInputs(step, letters, choice, block, placing), whole, block, placing);
    return;
  }
  const inputs = step.inputs.map((value) => lookUp(placing, value).placed);
  step.inputs.forEach((value, i) => {
    const copies = block.copies.get(value.id) ?? [];
    block.copies.set(value.id, [...copies, requiredPlacement(i, letters, choice, placing.facts)]);
  });
  const placements = resultPlacements(step.op, letters, choice, placing.facts);
  const floating = floatingDims({ ...step, choice }, (value) => lookUp(placing, value).floating);
  const isParameter = isOfParameters(step, placing);
  const outputs = step.outputs.map(
    (value, o): PlacedValue =>
      learn(placing, value, placements[o]!, {
        isParameter,
        ...(source ? { use: source.use } : {}),
        floating: floating[o]!,
        primal: primalOf(placing, value) ?? inheritedPrimal(step, letters, choice, o, placing),
      }),
  );
  block.steps.push({ ...step, inputs, outputs, choice });
}

/** What the step narrows where it rests, or null. */
function atRest(step: OpStep<"logical">, block: Block, placing: Placing): Known | null {
  if (!narrows(step) || !block.narrowed.has(step.inputs[0]!.id)) return null;
  const known = lookUp(placing, step.inputs[0]!);
  return known.isParameter && !samePlacement(known.rest, known.use) ? known : null;
}

/** A letter merged inside a dim that an input has cut there, and along which the op comes apart: so it need not move. */
function findCutInside(step: OpStep<"logical">, letters: StepLetters, { facts, known }: Placing): string | null {
  for (const [i, value] of step.inputs.entries()) {
    const placement = placementIn(step.phase, known.get(value.id)!);
    for (const axis of facts.axes) {
      const state = stateOn(axis, placement, letters.inputs[i]!, letters, facts);
      if (state === null || state === "partial" || state.fits) continue;
      const dim = letters.inputs[i]!.find(({ letter }) => letter === state.letter)!;
      const inner = dim.inner.find((letter) => step.op.apart(letter) !== null);
      if (inner !== undefined) return inner;
    }
  }
  return null;
}

/** Whether the step reads parameters and, beside them, only what was made of nothing: a transposed weight is a weight. */
function isOfParameters({ inputs }: OpStep<"logical">, placing: Placing): boolean {
  const known = inputs.map((value) => lookUp(placing, value));
  const isOfNothing = ({ placed, floating }: Known): boolean =>
    placed.type.shape.length > 0 && floating.size === placed.type.shape.length;
  return known.some(({ isParameter }) => isParameter) && known.every((each) => each.isParameter || isOfNothing(each));
}

/** A sum of gradients is a gradient: what passes in parts keeps its primal. */
function inheritedPrimal(
  step: OpStep<"logical">,
  letters: StepLetters,
  choice: Choice,
  output: number,
  placing: Placing,
): Where | null {
  const term = letters.outputs[output]!.map(({ letter }) => letter).join();
  for (const set of choice.pass.values())
    for (const i of set) {
      const { primal } = lookUp(placing, step.inputs[i]!);
      if (primal && letters.inputs[i]!.map(({ letter }) => letter).join() === term) return primal;
    }
  return null;
}

function placeApart(step: OpStep<"logical">, letter: string, block: Block, placing: Placing): void {
  const { steps, results } = takeApart(step, letter, placing.newId);
  const reads = new Map([...block.reads, ...countReads(steps, [])]);
  for (const output of step.outputs)
    reads.set(output.id, (block.reads.get(output.id) ?? 0) + (countReads(steps, []).get(output.id) ?? 0));
  placeSteps(steps, { ...block, reads }, placing);
  step.outputs.forEach((output, o) => {
    placing.known.set(output.id, lookUp(placing, results[o]!));
  });
}
