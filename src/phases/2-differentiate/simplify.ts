// Purpose: leave out work that says nothing: x + 0, x * 1, casts to the same type, views that change nothing, two views
// in a row, arithmetic on constants, and the same cheap op on the same operands twice in one phase of a block (backward
// may compute again what forward need not keep). What is known of an op stands in its record (`shortcut`, `absorb`).
// 0 * x stays: it is not 0 where x is not a number.
// Needs: a logical graph whose gradients are made. Leaves: the same results with fewer steps.
// Example: with one microbatch a gradient is 0 + g, which becomes g.
import { BlockBuilder, placeOf, ValueIds } from "../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId, replaceInStep, replaceInSteps } from "../../ir/steps.js";
import { numElements } from "../../ir/tensor-type.js";
import { constant } from "../../ops/table.js";

export function simplify(graph: LogicalGraph): LogicalGraph {
  const known: Known = {
    now: new Map(),
    constants: new Map(),
    makers: new Map(),
    notes: new Map(),
    ids: new ValueIds(highestId(graph) + 1),
  };
  const steps = simplifySteps(graph.steps, known);
  const end = <E extends { readonly value: LogicalValue }>(list: readonly E[]): readonly E[] =>
    list.map((each) => ({ ...each, value: noted(now(each.value, known), known) }));
  return removeDeadSteps({
    ...graph,
    inputs: graph.inputs.map(({ value, source }) => ({ value: noted(value, known), source })),
    steps: replaceInSteps(steps, (value) => noted(value, known)),
    results: end(graph.results),
    updates: end(graph.updates),
    observed: end(graph.observed),
  });
}

interface Known {
  /** By id, the value that stands for another. */
  readonly now: Map<number, LogicalValue>;
  /** By id, the number that fills a value wholly. */
  readonly constants: Map<number, number>;
  readonly makers: Map<number, OpStep<"logical">>;
  /** Name and gradient of values that were left out, for those that stand for them. */
  readonly notes: Map<number, Pick<LogicalValue, "name" | "gradientOf">>;
  readonly ids: ValueIds;
}

const now = (value: LogicalValue, known: Known): LogicalValue => known.now.get(value.id) ?? value;

function noted(value: LogicalValue, { notes }: Known): LogicalValue {
  const note = notes.get(value.id);
  return note ? { ...value, name: value.name || note.name, gradientOf: value.gradientOf ?? note.gradientOf } : value;
}

/** `other` stands for `value` from here on. */
function stand(value: LogicalValue, other: LogicalValue, known: Known): void {
  known.now.set(value.id, other);
  const before = known.notes.get(other.id);
  known.notes.set(other.id, {
    name: before?.name || value.name,
    gradientOf: before?.gradientOf ?? value.gradientOf,
  });
}

function simplifySteps(steps: readonly Step<"logical">[], known: Known): readonly Step<"logical">[] {
  const kept: Step<"logical">[] = [];
  /** Cheap ops of this block by what they do. */
  const done = new Map<string, readonly LogicalValue[]>();
  for (const given of steps) {
    const step = replaceReads(given, known);
    if (step.kind === "repeat") kept.push(simplifyRepeat(step, known));
    else if (step.kind === "op")
      for (const single of viewedFirst(step, known)) {
        const next = simplifyOp(single, known);
        if (next === null) continue;
        const key = isCheap(next) ? keyOf(next) : null;
        const same = key === null ? undefined : done.get(key);
        if (same) {
          next.outputs.forEach((output, o) => stand(output, same[o]!, known));
          continue;
        }
        if (key !== null) done.set(key, next.outputs);
        for (const { id } of next.outputs) known.makers.set(id, next);
        kept.push(next);
      }
    else throw new Error("a graph is simplified after its gradients are made");
  }
  return kept;
}

/** What the step reads outside its body as it is called now. */
function replaceReads(step: Step<"logical">, known: Known): Step<"logical"> {
  if (step.kind !== "repeat") return replaceInStep(step, (value) => now(value, known));
  return {
    ...step,
    carried: step.carried.map((entry) => ({ ...entry, start: now(entry.start, known) })),
    stacked: step.stacked.map(({ items, each }) => ({ items: items.map((item) => now(item, known)), each })),
    shared: step.shared.map(({ outer, inner }) => ({ outer: now(outer, known), inner })),
  };
}

function simplifyRepeat(step: RepeatStep<"logical">, known: Known): RepeatStep<"logical"> {
  for (const { outer, inner } of step.shared) learn(inner, known.constants.get(outer.id), known);
  for (const { items, each } of step.stacked) {
    const numbers = new Set(items.map(({ id }) => known.constants.get(id)));
    if (numbers.size === 1) learn(each, [...numbers][0], known);
  }
  const body = simplifySteps(step.body, known);
  return {
    ...step,
    body,
    carried: step.carried.map((entry) => ({ ...entry, leave: now(entry.leave, known) })),
    collected: step.collected.map(({ each, items }) => ({ each: now(each, known), items })),
  };
}

function learn({ id }: LogicalValue, number: number | undefined, { constants }: Known): void {
  if (number !== undefined) constants.set(id, number);
}

/** The step in its plainest form, or null where nothing is left to do. */
function simplifyOp(given: OpStep<"logical">, known: Known): OpStep<"logical"> | null {
  const step = absorbed(given, known);
  const [output] = step.outputs;
  if (step.outputs.length !== 1 || !output) return step;
  const shortcut = step.op.shortcut(
    step.inputs.map(({ id }) => known.constants.get(id) ?? null),
    step.inputs.map(({ type }) => type),
    step.attrs,
  );
  if (shortcut === null) return step;
  if ("input" in shortcut) {
    stand(output, step.inputs[shortcut.input]!, known);
    return null;
  }
  known.constants.set(output.id, shortcut.constant);
  if (step.inputs.length === 0) return step;
  const block = new BlockBuilder(known.ids, placeOf(step));
  block.emit(constant, [], { ...output.type, value: shortcut.constant });
  return { ...(block.steps[0] as OpStep<"logical">), outputs: [output] };
}

/** The step on what the maker of its operand read, as long as records say how. */
function absorbed(step: OpStep<"logical">, known: Known): OpStep<"logical"> {
  let now = step;
  for (;;) {
    const maker = onlyMaker(now, known);
    const attrs = maker && attrsBehind(now, maker);
    if (!maker || attrs === null) return now;
    now = { ...now, attrs, inputs: maker.inputs };
  }
}

/**
 * A step that could absorb what is before the view that it reads: the view first, of what that one read, then the step.
 * Gradients of merged heads are cast up, merged and cast down again: with the casts gone the merge is all there is.
 */
function viewedFirst(step: OpStep<"logical">, known: Known): readonly OpStep<"logical">[] {
  const view = onlyMaker(step, known);
  const maker = view && loweringOf(view) === "regroup" ? onlyMaker(view, known) : null;
  if (!view || !maker || !isElementwise(step) || !isElementwise(maker)) return [step];
  const attrs = attrsBehind(step, maker);
  if (attrs === null) return [step];
  const block = new BlockBuilder(known.ids, placeOf(view));
  const [first] = block.emit(view.op, maker.inputs, view.attrs, { name: view.outputs[0]!.name });
  return [block.steps[0] as OpStep<"logical">, { ...step, attrs, inputs: [first!] }];
}

/** The op that made the only operand of an op, if it too has one operand and one result. */
function onlyMaker({ inputs: [only, ...others] }: OpStep<"logical">, known: Known): OpStep<"logical"> | null {
  const maker = only && others.length === 0 ? known.makers.get(only.id) : undefined;
  return maker?.inputs.length === 1 && maker.outputs.length === 1 ? maker : null;
}

/** Attributes with which a step does to the operand of `maker` what it did to its result. */
function attrsBehind(step: OpStep<"logical">, { op, attrs, inputs, outputs }: OpStep<"logical">): unknown {
  const before = {
    op,
    attrs: attrs as unknown,
    inputs: inputs.map(({ type }) => type),
    output: outputs[0]!.type,
  };
  return step.op.absorb(before, step.attrs);
}

const typesOf = (values: readonly LogicalValue[]) => values.map(({ type }) => type);
const loweringOf = ({ op, attrs, inputs, outputs }: OpStep<"logical">) =>
  op.lower(typesOf(inputs), typesOf(outputs), attrs).kind;

/** Of each element one, at the same place. */
function isElementwise(step: OpStep<"logical">): boolean {
  if (loweringOf(step) !== "loops") return false;
  const [input, output] = step.op
    .factors(
      step.inputs.map(({ type }) => type.shape),
      step.attrs,
    )
    .split("->");
  return input === output;
}

/** At most one operation for each element of one operand: doing it once costs nothing but the time that its result lives. */
function isCheap({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean {
  if (inputs.length > 1) return false;
  const types = [inputs, outputs].map((values) => values.map(({ type }) => type));
  const most = Math.max(...outputs.map(({ type }) => numElements(type.shape)));
  return op.cost(types[0]!, types[1]!, attrs).flops <= most;
}

const keyOf = ({ op, attrs, inputs, outputs, phase }: OpStep<"logical">): string =>
  `${phase} ${op.name} ${inputs.map(({ id }) => id)} ${JSON.stringify(attrs)} ${outputs.map(({ type }) => type.dtype)}`;
