// What steps cost by their records: operations, and bytes that pass through memory where nothing is fused.
import type { Level, OpStep, Step, Value } from "./graph.js";
import { localShape } from "./local-size.js";
import type { Degrees } from "./mesh.js";
import type { TensorType } from "./tensor-type.js";

export interface StepsCost {
  readonly flops: number;
  readonly bytes: number;
}

/** Of all ranks together, rounds of repeats each. */
export const wholeCost = (steps: readonly Step<"logical">[]): StepsCost => costOf(steps, ({ type }) => type);

/** Of one rank, where what it holds of each value follows from the placement. */
export const localCost = (steps: readonly Step<"local">[], degrees: Degrees): StepsCost =>
  costOf(steps, ({ type, placement }) => ({ ...type, shape: localShape(type.shape, placement, degrees) }));

function costOf<L extends Level>(steps: readonly Step<L>[], typeOf: (value: Value<L>) => TensorType): StepsCost {
  let [flops, bytes] = [0, 0];
  for (const step of steps) {
    if (step.kind !== "repeat" && step.kind !== "op") continue;
    const own = step.kind === "repeat" ? costOf(step.body, typeOf) : costOfOp(step, typeOf);
    const times = step.kind === "repeat" ? step.count : 1;
    flops += times * own.flops;
    bytes += times * own.bytes;
  }
  return { flops, bytes };
}

const costOfOp = <L extends Level>(
  { op, attrs, inputs, outputs }: OpStep<L>,
  typeOf: (value: Value<L>) => TensorType,
): StepsCost => op.cost(inputs.map(typeOf), outputs.map(typeOf), attrs);
