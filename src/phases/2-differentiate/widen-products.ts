// Purpose: what is summed in float32 inside an op is not rounded to bfloat16 only to be made float32 again: where a result
// is read by nothing but a cast to float32, the op hands out float32 itself. Needs: a logical graph whose gradients are
// made. Leaves: the same results, rounded less, with less memory passed through. Example: a weight's gradient.
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import { readsOf } from "../../ir/steps.js";
import type { DType } from "../../ir/tensor-type.js";

export function widenProducts(graph: LogicalGraph): LogicalGraph {
  const ends = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value);
  return { ...graph, steps: widenIn(graph.steps, ends) };
}

/** A cast, and what it reads back to the op that can hand out the cast's type: the maker first. */
interface Chain {
  readonly cast: OpStep<"logical">;
  readonly steps: readonly OpStep<"logical">[];
}

function widenIn(given: readonly Step<"logical">[], ends: readonly LogicalValue[]): readonly Step<"logical">[] {
  const reads = new Map<number, number>();
  const count = ({ id }: LogicalValue): void => void reads.set(id, (reads.get(id) ?? 0) + 1);
  const makers = new Map<number, OpStep<"logical">>();
  for (const step of given) {
    readsOf(step).forEach(count);
    if (step.kind === "op") for (const { id } of step.outputs) makers.set(id, step);
  }
  ends.forEach(count);
  const changed = new Map<Step<"logical">, OpStep<"logical"> | null>();
  for (const step of given) {
    const chain = step.kind === "op" ? chainOf(step, makers, reads) : null;
    if (!chain) continue;
    const { dtype } = chain.cast.outputs[0]!.type;
    chain.steps.forEach((each, i) => {
      const isLast = i === chain.steps.length - 1;
      const inputs = i === 0 ? each.inputs : each.inputs.map((value) => retyped(value, dtype));
      const outputs = isLast ? chain.cast.outputs : each.outputs.map((value) => retyped(value, dtype));
      const attrs: unknown = i === 0 ? each.op.widen(each.attrs, dtype) : each.attrs;
      changed.set(each, { ...each, attrs, inputs, outputs });
    });
    changed.set(chain.cast, null);
  }
  return given.flatMap((step): readonly Step<"logical">[] => {
    if (step.kind === "repeat") {
      const inside = [...step.carried.map(({ leave }) => leave), ...step.collected.map(({ each }) => each)];
      return [{ ...step, body: widenIn(step.body, inside) }];
    }
    const now = changed.get(step);
    return now === undefined ? [step] : now === null ? [] : [now];
  });
}

const retyped = (value: LogicalValue, dtype: DType): LogicalValue => ({ ...value, type: { ...value.type, dtype } });

/** Null where the step is no cast to float32, or where others read what is between. */
function chainOf(
  step: OpStep<"logical">,
  makers: ReadonlyMap<number, OpStep<"logical">>,
  reads: ReadonlyMap<number, number>,
): Chain | null {
  if (!isCastUp(step)) return null;
  const steps: OpStep<"logical">[] = [];
  for (let [value] = step.inputs; value; ) {
    const maker = makers.get(value.id);
    if (maker?.outputs.length !== 1 || reads.get(value.id) !== 1) return null;
    steps.unshift(maker);
    if (maker.op.widen(maker.attrs, step.outputs[0]!.type.dtype) !== null) return { cast: step, steps };
    if (!isView(maker)) return null;
    [value] = maker.inputs;
  }
  return null;
}

/** One operand of bfloat16, the same numbers as float32. */
function isCastUp({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean {
  const [input] = inputs;
  const [output] = outputs;
  if (inputs.length !== 1 || outputs.length !== 1 || input!.type.dtype !== "bf16" || output!.type.dtype !== "f32")
    return false;
  const lowering = op.lower([input!.type], [output!.type], attrs);
  if (lowering.kind !== "loops" || lowering.body.passes.length !== 1) return false;
  const [pass] = lowering.body.passes;
  return pass!.kind === "store" && pass!.value.kind === "input" && pass!.value.at === undefined;
}

const isView = ({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean =>
  inputs.length === 1 &&
  op.lower(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  ).kind === "regroup";
