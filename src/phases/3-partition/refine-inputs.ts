// What an op that is taken apart reads lies first where the op would have wanted it along the letters that may be split,
// where that takes slices alone: so the small graph is divided along them from its first step on, and makes nothing whole
// that only some ranks need. Example: targets that are whole on cp, beside logits that are split there.
import type { Choice, LogicalValue, OpStep } from "../../ir/graph.js";
import { requiredPlacement } from "../../ir/local-typing.js";
import { type MeshFacts, sameLayout } from "../../ir/mesh-facts.js";
import { type Axis, type Cut, cutOf, type Placement, partialAxes, sameAxes } from "../../ir/placement.js";
import type { StepLetters } from "../../ir/step-letters.js";
import { dimLetters } from "../../ops/factors.js";
import { mark, passingMark } from "../../ops/layout.js";
import { type Block, learn, lookUp, type Placing } from "./placing.js";

export function refineInputs(
  step: OpStep<"logical">,
  letters: StepLetters,
  choice: Choice,
  block: Block,
  placing: Placing,
): OpStep<"logical"> {
  const free: Choice = {
    letters: new Map([...choice.letters].filter(([letter]) => !letters.whole.has(letter))),
    cuts: choice.cuts,
    pass: new Map(),
  };
  const inputs = step.inputs.map((value, i): LogicalValue => {
    const { placed, floating } = lookUp(placing, value);
    const to = requiredPlacement(i, letters, free, placing.facts);
    if (floating.size > 0 || !isFiner(to, placed.placement, placed.type.shape, placing.facts)) return value;
    const finer: LogicalValue = { ...value, id: placing.newId() };
    const { origin, scope, phase } = step;
    const outputs = [learn(placing, finer, to)];
    block.steps.push({
      ...{ kind: "op", op: mark, attrs: { name: passingMark }, inputs: [placed], outputs, choice: choiceFor(to) },
      ...{ origin, scope, phase },
    });
    return finer;
  });
  return { ...step, inputs };
}

/** Whether slices alone lead there, and some do. */
function isFiner(to: Placement, from: Placement, shape: readonly number[], facts: MeshFacts): boolean {
  if (partialAxes(from).length > 0) return false;
  const isPrefix = to.dims.every((split, dim) => {
    const have = from.dims[dim]!;
    const axes = split.axes.slice(0, have.axes.length);
    return sameAxes(axes, have.axes) && sameLayout(shape[dim]!, have, { ...split, axes }, facts);
  });
  return isPrefix && to.dims.some(({ axes }, dim) => axes.length > from.dims[dim]!.axes.length);
}

function choiceFor({ dims }: Placement): Choice {
  const names = dimLetters(dims.length);
  const split = dims.flatMap(({ axes, ...cut }, dim) =>
    axes.length === 0 ? [] : [{ letter: names[dim]!, axes, cut }],
  );
  return {
    letters: new Map(split.map(({ letter, axes }): [string, readonly Axis[]] => [letter, axes])),
    cuts: new Map(split.map(({ letter, cut }): [string, Cut] => [letter, cutOf(cut)])),
    pass: new Map(),
  };
}
