// A parameter that is read in fewer bytes than it has, such as its cast to bf16, is made so where it rests and is gathered
// in that form: a cast of a parameter is a parameter. Not where somebody else reads it whole as it is: then one gather does.
import type { OpStep, Step } from "../../ir/graph.js";
import { stepLetters } from "../../ir/step-letters.js";
import { numBytesOf, numElements, type TensorType } from "../../ir/tensor-type.js";

const bytesOf = ({ shape, dtype }: TensorType): number => numElements(shape) * numBytesOf[dtype];

/** Whether a step of the forward or backward pass makes one input smaller, place by place. */
export function narrows(step: Pick<OpStep, "op" | "attrs" | "phase" | "inputs" | "outputs">): boolean {
  const [input, ...others] = step.inputs;
  const [output, ...more] = step.outputs;
  if (!input || !output || others.length > 0 || more.length > 0 || step.phase === "update") return false;
  if (bytesOf(output.type) >= bytesOf(input.type)) return false;
  const letters = stepLetters(step.op, [input.type.shape], step.attrs);
  const term = (dims: (typeof letters.inputs)[number]): string => dims.map(({ letter }) => letter).join();
  return term(letters.inputs[0]!) === term(letters.outputs[0]!) && letters.whole.size === 0;
}

/** Values of a list of steps that nobody reads but steps that narrow them. */
export function narrowedValues(steps: readonly Step[]): ReadonlySet<number> {
  const narrowed = new Set<number>();
  const others = new Set<number>();
  for (const step of steps) {
    if (step.kind === "repeat") {
      for (const { start } of step.carried) others.add(start.id);
      for (const { items } of step.stacked) for (const { id } of items) others.add(id);
      for (const { outer } of step.shared) others.add(outer.id);
    } else if (step.kind === "op") {
      const isNarrowing = narrows(step);
      for (const { id } of step.inputs) (isNarrowing ? narrowed : others).add(id);
    }
  }
  return new Set([...narrowed].filter((id) => !others.has(id)));
}
