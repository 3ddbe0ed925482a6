// Which sums may pass an op in parts. Only an op that is linear in all its inputs together lets them through, and only
// where that saves a reduction: all its inputs are sums, or several are, or what else it reads is less than its result
// (a bias spread over rows, added on one rank for all), costs nothing (scalars), or is a term of the same gradient. A sum
// with two readers is made whole once. Maxima never pass.
import type { OpStep } from "../../ir/graph.js";
import type { Axis } from "../../ir/placement.js";
import { numElements } from "../../ir/tensor-type.js";
import type { Block, Known } from "./placing.js";

/** The inputs that stay sums over `axis`, or null where those that are must be made whole. `partial` are those that are. */
export function passingInputs(
  step: OpStep<"logical">,
  partial: readonly number[],
  inputs: readonly Known[],
  axis: Axis,
  block: Block,
): readonly number[] | null {
  if (partial.length === 0 || partial.some((i) => inputs[i]!.placed.placement.partial[axis] !== "sum")) return null;
  if (partial.some((i) => block.reads.get(step.inputs[i]!.id) !== 1)) return null;
  const all = step.inputs.length - step.op.indices.length;
  const set = step.op
    .linear(step.inputs.length, step.attrs)
    .find((inputs) => inputs.length === all && partial.every((i) => inputs.includes(i)));
  if (!set) return null;
  const result = step.outputs[0]!.type.shape;
  const joinsFreely = (i: number): boolean => {
    const { placed, floating } = inputs[i]!;
    const own = placed.type.shape.filter((_, dim) => !floating.has(dim));
    return partial.includes(i) || result.length === 0 || numElements(own) < numElements(result);
  };
  const { gradientOf } = step.outputs[0]!;
  const addsTerms = gradientOf !== null && set.every((i) => step.inputs[i]!.gradientOf === gradientOf);
  return partial.length > 1 || addsTerms || set.every(joinsFreely) ? set : null;
}
