// Checks a logical or placed graph: every value is made once and before it is read, types are what the records say, the
// lists of a repeat fit its count, updates have their state's type. Local graphs: see check-local.ts.
import { describe } from "../ops/factors.js";
import type { Graph, LogicalValue, RepeatStep, Step } from "./graph.js";
import type { Origin } from "./origin.js";
import { sameType, showType } from "./tensor-type.js";

export interface GraphProblem {
  readonly message: string;
  readonly origin: Origin | null;
}

type AnyStep = Step<"logical"> | Step<"placed">;

/** Empty where everything holds. */
export function verifyGraph(graph: Graph<"logical"> | Graph<"placed">): readonly GraphProblem[] {
  const problems: GraphProblem[] = [];
  const ids = new Set<number>();
  let origin: Origin | null = null;
  const report = (message: string): void => void problems.push({ message: `${graph.name}: ${message}`, origin });

  const define = (scope: Map<number, LogicalValue>, value: LogicalValue): void => {
    if (ids.has(value.id)) report(`${show(value)} is made twice`);
    ids.add(value.id);
    scope.set(value.id, value);
  };
  const read = (scope: ReadonlyMap<number, LogicalValue>, value: LogicalValue): void => {
    const known = scope.get(value.id);
    if (!known) report(`${show(value)} is read where it does not exist`);
    else if (!sameType(known.type, value.type))
      report(`${show(value)} is read as ${showType(value.type)} but was made as ${showType(known.type)}`);
  };
  const agree = (what: string, a: LogicalValue, b: LogicalValue): void => {
    if (!sameType(a.type, b.type)) report(`${what}: ${show(a)} ${showType(a.type)} and ${show(b)} ${showType(b.type)}`);
  };

  const walk = (steps: readonly AnyStep[], scope: Map<number, LogicalValue>): void => {
    for (const step of steps) {
      ({ origin } = step);
      if (step.kind === "repeat") repeat(step, scope);
      else if (step.kind === "gradient") {
        for (const value of [step.loss, ...step.by]) read(scope, value);
        if (step.loss.type.shape.length > 0) report(`the loss ${show(step.loss)} has dims`);
        if (step.by.length !== step.outputs.length) report("a gradient step needs one output for each value");
        step.outputs.forEach((value, i) => {
          agree("a gradient has its value's type", value, step.by[i]!);
          define(scope, value);
        });
      } else {
        for (const value of step.inputs) read(scope, value);
        checkTypes(step);
        for (const value of step.outputs) define(scope, value);
      }
    }
  };
  const checkTypes = (step: Extract<AnyStep, { kind: "op" }>): void => {
    try {
      const types = step.inputs.map(({ type }) => type);
      const { outputTypes } = describe(step.op, types, step.attrs);
      if (outputTypes.length !== step.outputs.length)
        report(`${step.op.name} gives ${outputTypes.length} results, not ${step.outputs.length}`);
      step.outputs.forEach((value, o) => {
        const want = outputTypes[o];
        if (want && !sameType(value.type, want))
          report(`${step.op.name} gives ${showType(want)}, not ${showType(value.type)} (${show(value)})`);
      });
    } catch (fault) {
      report(`${step.op.name}: ${(fault as Error).message}`);
    }
  };
  const repeat = (step: RepeatStep<"logical"> | RepeatStep<"placed">, scope: Map<number, LogicalValue>): void => {
    const body = new Map<number, LogicalValue>();
    const { carried, stacked, shared, collected, count } = step;
    if (!(count >= 1)) report(`a repeat runs ${count} times`);
    for (const { start, enter } of carried) {
      read(scope, start);
      agree("a carried value enters", start, enter);
      define(body, enter);
    }
    for (const { items, each } of stacked) {
      if (items.length !== count) report(`${show(each)} is stacked from ${items.length} items in ${count} rounds`);
      for (const item of items) {
        read(scope, item);
        agree("a stacked item", item, each);
      }
      define(body, each);
    }
    for (const { outer, inner } of shared) {
      read(scope, outer);
      agree("a shared value", outer, inner);
      define(body, inner);
    }
    walk(step.body, body);
    ({ origin } = step);
    for (const { enter, leave, result } of carried) {
      read(body, leave);
      agree("a carried value leaves", enter, leave);
      agree("a carried value results", leave, result);
      define(scope, result);
    }
    for (const { each, items } of collected) {
      read(body, each);
      if (items.length !== count) report(`${show(each)} is collected into ${items.length} items in ${count} rounds`);
      for (const item of items) {
        agree("a collected item", each, item);
        define(scope, item);
      }
    }
  };

  const scope = new Map<number, LogicalValue>();
  for (const { value } of graph.inputs) define(scope, value);
  walk(graph.steps, scope);
  origin = null;
  for (const { value } of [...graph.results, ...graph.observed]) read(scope, value);
  for (const { state, value } of graph.updates) {
    read(scope, value);
    if (!sameType(state.type, value.type))
      report(`${state.name} is ${showType(state.type)} but would become ${showType(value.type)}`);
  }
  const updated = graph.updates.map(({ state }) => state);
  if (new Set(updated).size !== updated.length) report("a state is updated twice");
  return problems;
}

const show = ({ id, name }: LogicalValue): string => (name === "" ? `%${id}` : `%${id} (${name})`);
