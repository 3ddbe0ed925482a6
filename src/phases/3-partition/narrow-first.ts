// Purpose: under FSDP, a parameter that is turned and then cast to fewer bytes is cast first, so that it can be gathered in
// the narrow form. Needs: a logical program whose gradients are made. Leaves: the same values, made in another order.
// Example: cast(transpose(w)) becomes transpose(cast(w)).
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import { liveAxes } from "../../ir/mesh.js";
import type { Program } from "../../ir/program.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId } from "../../ir/steps.js";
import { numElements } from "../../ir/tensor-type.js";
import { narrows } from "./narrowing.js";

export function narrowFirst(program: Program<"logical">): Program<"logical"> {
  if (!liveAxes(program.mesh).includes("dpShard")) return program;
  const graphs = new Map([...program.graphs].map(([name, graph]) => [name, rewriteGraph(graph)] as const));
  return { ...program, graphs };
}

interface Rewriting {
  readonly newId: () => number;
  /** Ids of parameters, whatever a body calls them. */
  readonly parameters: Set<number>;
}

function rewriteGraph(graph: LogicalGraph): LogicalGraph {
  let lastId = highestId(graph);
  const parameters = graph.inputs.flatMap(({ value, source }) =>
    source.kind === "state" && source.state.kind === "parameter" ? [value.id] : [],
  );
  const steps = rewriteSteps(graph.steps, { newId: () => ++lastId, parameters: new Set(parameters) });
  return removeDeadSteps({ ...graph, steps });
}

function rewriteSteps(steps: readonly Step<"logical">[], rewriting: Rewriting): readonly Step<"logical">[] {
  const { parameters, newId } = rewriting;
  const makers = new Map<number, OpStep<"logical">>();
  /** By what is narrowed and how: the narrow form. */
  const narrow = new Map<string, LogicalValue>();
  return steps.flatMap((step): readonly Step<"logical">[] => {
    if (step.kind === "repeat") {
      for (const { items, each } of step.stacked)
        if (items.every(({ id }) => parameters.has(id))) parameters.add(each.id);
      for (const { outer, inner } of step.shared) if (parameters.has(outer.id)) parameters.add(inner.id);
      return [{ ...step, body: rewriteSteps(step.body, rewriting) }];
    }
    if (step.kind !== "op") return [step];
    for (const { id } of step.outputs) makers.set(id, step);
    const turning = narrows(step) ? makers.get(step.inputs[0]!.id) : undefined;
    const [source] = turning?.inputs ?? [];
    if (!turning || !source || !parameters.has(source.id) || !turns(turning)) return [step];
    const [output] = step.outputs as [LogicalValue];
    const key = `${source.id} ${step.op.name} ${JSON.stringify(step.attrs)}`;
    const known = narrow.get(key);
    const value = known ?? {
      ...source,
      id: newId(),
      type: { shape: source.type.shape, dtype: output.type.dtype },
      gradientOf: null,
    };
    narrow.set(key, value);
    const narrowing: Step<"logical"> = { ...step, inputs: [source], outputs: [value] };
    return [...(known ? [] : [narrowing]), { ...turning, inputs: [value], outputs: [output] }];
  });
}

/** Whether a step does no work and shows each element of its one input once, in another order of dims. */
function turns({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean {
  const [input, ...others] = inputs;
  const [output, ...more] = outputs;
  if (!input || !output || others.length > 0 || more.length > 0) return false;
  if (numElements(input.type.shape) !== numElements(output.type.shape)) return false;
  return op.lower([input.type], [output.type], attrs).kind === "regroup";
}
