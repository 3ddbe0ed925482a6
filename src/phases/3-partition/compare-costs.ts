// Settles a disagreement between inputs by what each choice would send. Sends are counted as of ring algorithms, in
// elements of one rank; n is assumed for data-parallel axes, so an open degree changes nothing (see `assumedDegree`).
import type { OpStep } from "../../ir/graph.js";
import { assumedDegree, type MeshFacts } from "../../ir/mesh-facts.js";
import type { Axis, Placement } from "../../ir/placement.js";
import type { StepLetters, TermDim } from "../../ir/step-letters.js";
import { numElements } from "../../ir/tensor-type.js";
import { type AxisState, stateOn } from "./letter-units.js";
import type { Block } from "./placing.js";

export interface Disagreement {
  readonly step: OpStep<"logical">;
  readonly letters: StepLetters;
  readonly axis: Axis;
  readonly placements: readonly Placement[];
  readonly states: readonly AxisState[];
  /** Per output, the letter where a gradient wants to be split, or null. */
  readonly wants: readonly (string | null)[];
}

/** The option that sends least, or null for splitting nothing. The first of equals wins. */
export function cheapest(
  options: readonly string[],
  about: Disagreement,
  block: Block,
  facts: MeshFacts,
): string | null {
  let best: string | null = options[0] ?? null;
  let least = priceOf(best, about, block, facts);
  for (const option of [...options.slice(1), null]) {
    const price = priceOf(option, about, block, facts);
    if (price < least) {
      best = option;
      least = price;
    }
  }
  return best;
}

function priceOf(letter: string | null, about: Disagreement, block: Block, facts: MeshFacts): number {
  const { step, letters, axis, placements, states, wants } = about;
  const n = assumedDegree(axis, facts);
  /** Ranks that share the value over other axes. */
  const sharers = ({ dims }: Placement): number =>
    dims.flatMap((dim) => dim.axes).reduce((k, other) => (other === axis ? k : k * assumedDegree(other, facts)), 1);
  const bringing = (index: number): number => {
    const value = step.inputs[index]!;
    const term = letters.inputs[index]!;
    const target = letter !== null && hasLetter(term, letter) ? letter : null;
    const isThere = (copy: Placement): boolean => isAt(stateOn(axis, copy, term, letters, facts), target);
    if ((block.copies.get(value.id) ?? []).some(isThere)) return 0;
    return sent(states[index]!, target, numElements(value.type.shape) / sharers(placements[index]!), n);
  };
  const mostSharers = Math.max(1, ...placements.map(sharers));
  const finishing = (output: number): number => {
    const term = letters.outputs[output]!;
    const state: AxisState = letter === null ? null : hasLetter(term, letter) ? { letter, fits: true } : "partial";
    const want = wants[output] ?? (state === "partial" || state === null ? null : state.letter);
    return sent(state, want, numElements(step.outputs[output]!.type.shape) / mostSharers, n);
  };
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return sum(step.inputs.map((_, i) => bringing(i))) + sum(step.outputs.map((_, o) => finishing(o)));
}

const hasLetter = (term: readonly TermDim[], letter: string): boolean => term.some((dim) => dim.letter === letter);

const isAt = (state: AxisState, target: string | null): boolean =>
  state === null || state === "partial" ? state === target : state.fits && state.letter === target;

/** Elements that one of n ranks sends to turn a value of this many elements (whole on this axis) from one state into another. */
function sent(from: AxisState, to: string | null, elements: number, n: number): number {
  if (from === null || isAt(from, to)) return 0;
  const share = ((n - 1) / n) * elements;
  if (from === "partial") return to === null ? 2 * share : share;
  if (to !== null && from.fits) return share / n;
  return share;
}
