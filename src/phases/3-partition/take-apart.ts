// An op whose letter must stay whole but is split where it is used is replaced by the small graph that its record offers.
// The small graph's last values take the place, and the ids, of the op's own results.
import type { LogicalValue, OpStep } from "../../ir/graph.js";
import { stepLetters } from "../../ir/step-letters.js";
import type { TensorType } from "../../ir/tensor-type.js";
import type { Emitter, Op } from "../../ops/op.js";

export interface SmallGraph {
  readonly steps: readonly OpStep<"logical">[];
  /** For each of the op's results, the value that stands for it. */
  readonly results: readonly LogicalValue[];
}

/** Throws an `Error` where the record offers nothing for the letter. */
export function takeApart(step: OpStep<"logical">, letter: string, newId: () => number): SmallGraph {
  const expand = step.op.apart(letter);
  if (expand === null) throw new Error(`${step.op.name} cannot be taken apart along '${letter}'`);
  const emitted: OpStep<"logical">[] = [];
  const emitter: Emitter = {
    emit<A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: A): readonly LogicalValue[] {
      const outputs = resultTypes(op, inputs, attrs).map(
        (type): LogicalValue => ({ id: newId(), type, name: "", gradientOf: null }),
      );
      const { origin, scope, phase } = step;
      emitted.push({ kind: "op", op, attrs, inputs, outputs, choice: null, origin, scope, phase });
      return outputs;
    },
  };
  const results = expand(emitter, step.inputs, step.attrs);
  const made = new Set(emitted.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const renamed = new Map<number, LogicalValue>();
  results.forEach((result, o) => {
    if (made.has(result.id) && !renamed.has(result.id)) renamed.set(result.id, step.outputs[o]!);
  });
  const rename = (value: LogicalValue): LogicalValue => renamed.get(value.id) ?? value;
  return {
    steps: emitted.map((s) => ({ ...s, inputs: s.inputs.map(rename), outputs: s.outputs.map(rename) })),
    results: results.map(rename),
  };
}

/** The types of an op's results. */
export function resultTypes<A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: A): readonly TensorType[] {
  const letters = stepLetters(
    op,
    inputs.map(({ type }) => type.shape),
    attrs,
  );
  const dtypes = op.dtypes(
    inputs.map(({ type }) => type.dtype),
    attrs,
  );
  return letters.outputs.map((term, o) => ({
    dtype: dtypes[o]!,
    shape: term.map(({ size }) => size),
  }));
}
