// Purpose: a plan that says how tensors come to a module is held to it. Needs: a placed program. Leaves: the same program,
// or the place where a tensor comes split along another dim than the plan has it, or whole where it must not be.
// Example: a column-parallel module behind another one that takes its input as whole.
import { Diagnosed, type Diagnostic, diagnostic } from "../../diagnostics/diagnostic.js";
import type { OpStep, Step } from "../../ir/graph.js";
import { type Arrival, type Layout, markWith } from "../../ir/layout.js";
import { liveAxes } from "../../ir/mesh.js";
import { type Axis, axisOrder, whereIs } from "../../ir/placement.js";
import type { Program } from "../../ir/program.js";

/** Throws `Diagnosed`. */
export function checkArrivals(program: Program<"placed">): Program<"placed"> {
  const axes = liveAxes(program.mesh);
  const faults = new Map<string, Diagnostic>();
  for (const graph of program.graphs.values())
    for (const fault of faultsIn(graph.steps, program.layout, axes)) {
      const { place } = fault.origin ?? { place: null };
      const key = `${fault.message} ${place?.file} ${place?.start}`;
      if (!faults.has(key)) faults.set(key, fault);
    }
  const [first, ...rest] = faults.values();
  if (first) throw new Diagnosed([first, ...rest]);
  return program;
}

function* faultsIn(steps: readonly Step<"placed">[], layout: Layout, axes: readonly Axis[]): Generator<Diagnostic> {
  for (const step of steps) {
    if (step.kind === "repeat") yield* faultsIn(step.body, layout, axes);
    else if (step.kind === "op") {
      const name = step.op.mark?.(step.attrs);
      const arrival = name === undefined ? undefined : layout.arrivals.get(name);
      const dimOf = (dim: number): number => step.op.markedDim?.(step.attrs, dim) ?? dim;
      if (arrival) yield* faultsOf(step, { ...arrival, at: markWith(arrival.at, dimOf) }, axes);
    }
  }
}

function* faultsOf(step: OpStep<"placed">, { at, mustBeSplit }: Arrival, axes: readonly Axis[]): Generator<Diagnostic> {
  for (const axis of axisOrder) {
    const said = at[axis];
    if (said === undefined || !axes.includes(axis)) continue;
    const actual = whereIs(axis, step.inputs[0]!.placement);
    if (mustBeSplit && actual !== said) yield diagnostic(step.origin, "loss-of-whole-logits", step.scope);
    else if (typeof actual === "number" && actual !== said)
      yield diagnostic(step.origin, "comes-split-otherwise", step.scope, axis, said, actual);
  }
}
