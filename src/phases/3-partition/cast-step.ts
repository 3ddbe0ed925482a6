// A value in another element type, where it lies: sums in parts stay sums.
import { placeOf, type StepPlace } from "../../ir/build.js";
import type { Choice, LocalValue, OpStep } from "../../ir/graph.js";
import { type Axis, type Cut, cutOf, partialAxes, plainCut, sameCut } from "../../ir/placement.js";
import { stepLetters } from "../../ir/step-letters.js";
import type { DType } from "../../ir/tensor-type.js";
import { cast } from "../../ops/table.js";

export function castStep(value: LocalValue, dtype: DType, id: number, place: StepPlace): OpStep<"local"> {
  const attrs = { dtype };
  const [term] = stepLetters(cast, [value.type.shape], attrs).inputs;
  const letters = new Map<string, readonly Axis[]>();
  const cuts = new Map<string, Cut>();
  value.placement.dims.forEach((split, dim) => {
    if (split.axes.length === 0) return;
    const { letter } = term![dim]!;
    letters.set(letter, split.axes);
    if (!sameCut(split, plainCut)) cuts.set(letter, cutOf(split));
  });
  const pass = new Map(partialAxes(value.placement).map((axis) => [axis, [0]]));
  const choice: Choice = { letters, cuts, pass };
  const filled = value.type.shape.map(() => null);
  const output: LocalValue = { ...value, id, type: { shape: value.type.shape, dtype }, filled };
  return { kind: "op", op: cast, attrs, inputs: [value], outputs: [output], choice, ...placeOf(place) };
}
