// A segment is the tensor work between two points of host control: it becomes one graph and one run of it.
import { GraphBuilder, nowhere, type StepPlace } from "../../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../../ir/graph.js";
import type { HostExpression, HostVariable, RunGraph } from "../../../ir/host.js";
import type { Origin } from "../../../ir/origin.js";
import { removeDeadSteps } from "../../../ir/remove-dead-steps.js";
import type { State } from "../../../ir/state.js";
import { readsOf, replaceInSteps } from "../../../ir/steps.js";
import type { TensorType } from "../../../ir/tensor-type.js";
import { constant, regroup } from "../../../ops/table.js";
import { type FixedValues, foldExpression } from "../fold.js";
import { sameExpression } from "../run-time.js";
import { findRepeats, type UnrolledLoop } from "./find-repeats.js";

export class Segment {
  readonly builder: GraphBuilder;
  /** The value that each state has now, and whether it was written. */
  readonly states = new Map<State, LogicalValue>();
  readonly written = new Set<State>();
  /** Gradients that were used here: whether they were zero when the segment began. */
  readonly gradients = new Map<State, { readonly wasZero: boolean; isZero: boolean }>();
  /** Values without gradient: made under `noGrad`. */
  readonly constants = new Set<number>();
  readonly loops: UnrolledLoop[] = [];
  readonly names = new Map<number, string>();
  readonly observed = new Map<string, LogicalValue>();
  batch: HostVariable | null = null;
  private readonly fields = new Map<string, LogicalValue>();
  private readonly tensors = new Map<HostVariable, { readonly name: string; readonly value: LogicalValue }>();
  private readonly scalars: {
    readonly name: string;
    readonly expression: HostExpression;
    readonly value: LogicalValue;
  }[] = [];
  private readonly results = new Map<
    number,
    { readonly name: string; readonly value: LogicalValue; readonly variable: HostVariable }
  >();
  /** Constants that loops read, made before everything else. */
  private readonly early: Step<"logical">[] = [];

  constructor(
    /** Of the part of the program that it belongs to. */
    readonly name: string,
    readonly origin: Origin | null,
    /** What the user calls numbers that only the running program knows. */
    private readonly scalarNames: WeakMap<HostExpression, string>,
  ) {
    this.builder = new GraphBuilder(name);
  }

  get isEmpty(): boolean {
    return this.builder.steps.length === 0 && this.written.size === 0 && this.gradients.size === 0;
  }

  read(state: State): LogicalValue {
    const known = this.states.get(state);
    if (known) return known;
    const value = this.builder.input({ kind: "state", state }, state.type, state.name.split(".").slice(-2).join("."));
    this.states.set(state, value);
    return value;
  }
  write(state: State, value: LogicalValue): void {
    this.states.set(state, value);
    this.written.add(state);
  }

  field(variable: HostVariable, field: string, type: TensorType): LogicalValue | null {
    if (this.batch !== null && this.batch !== variable) return null;
    this.batch = variable;
    let value = this.fields.get(field);
    if (!value) this.fields.set(field, (value = this.builder.input({ kind: "batch", field }, type, field)));
    return value;
  }

  tensor(variable: HostVariable, type: TensorType): LogicalValue {
    let entry = this.tensors.get(variable);
    if (!entry) {
      const name = unique(
        variable.name || "tensor",
        [...this.tensors.values()].map((other) => other.name),
      );
      entry = { name, value: this.builder.input({ kind: "tensor", name }, type, variable.name) };
      this.tensors.set(variable, entry);
    }
    return entry.value;
  }

  scalar(expression: HostExpression, dtype: "f32" | "i32"): LogicalValue {
    const known = this.scalars.find(
      ({ expression: other, value }) => value.type.dtype === dtype && sameExpression(other, expression),
    );
    if (known) return known.value;
    const name = unique(
      this.scalarNames.get(expression) ?? nameOf(expression),
      this.scalars.map((other) => other.name),
    );
    const value = this.builder.input({ kind: "scalar", name }, { shape: [], dtype }, name);
    this.scalars.push({ name, expression, value });
    return value;
  }

  /** A rank-0 number that exists before any loop. */
  number(value: number, dtype: "f32" | "i32"): LogicalValue {
    const { steps } = this.builder;
    const [made] = this.builder.emit(constant, [], { shape: [], dtype, value });
    this.early.push(steps.pop()!);
    return made!;
  }

  /** The host variable that holds `value` after the graph has run. */
  result(value: LogicalValue): HostVariable {
    let entry = this.results.get(value.id);
    if (!entry) {
      const taken = [...this.results.values()].map(({ name }) => name);
      const name = unique(this.names.get(value.id) ?? value.name.split(".").at(-1)! ?? "", taken);
      entry = { name, value, variable: { name, type: "tensor", kept: false, initial: null } };
      this.results.set(value.id, entry);
    }
    return entry.variable;
  }

  /** Scalars whose values the config fixes after all become constants. */
  private foldScalars(fixed: FixedValues) {
    const known: OpStep<"logical">[] = [];
    const asked = this.scalars.flatMap(({ name, expression, value }) => {
      const folded = foldExpression(expression, fixed);
      if (folded.kind !== "literal") return [{ name, expression: folded, value }];
      const attrs = { ...value.type, value: Number(folded.value) };
      known.push({ kind: "op", op: constant, attrs, inputs: [], outputs: [value], choice: null, ...nowhere });
      return [];
    });
    return { known, asked };
  }

  /** The graph, its repeated rounds rolled up, and the statement that runs it; null if nothing of it is needed. */
  finish(
    isRead: (variable: HostVariable) => boolean,
    fixed: FixedValues,
  ): { graph: LogicalGraph; run: RunGraph & { readonly origin: Origin | null } } | null {
    const results = [...this.results.values()].filter(({ variable }) => isRead(variable));
    const named = new Map([...this.names]);
    const cleared = [...this.gradients].filter(([, { wasZero, isZero }]) => isZero && !wasZero);
    const rounds = cleared.map(([state]) => {
      this.write(state, this.builder.emit(constant, [], { ...state.type, value: 0 })[0]!);
      return [this.builder.steps.at(-1)!];
    });
    this.loops.push({ rounds });
    const whole: LogicalGraph = {
      ...this.builder.finish({
        results: results.map(({ name, value }) => ({ name, value })),
        updates: [...this.written].map((state) => ({ state, value: this.states.get(state)! })),
        observed: [...this.observed].map(([label, value]) => ({ label, value })),
      }),
    };
    const { known, asked } = this.foldScalars(fixed);
    const ordered = {
      ...whole,
      inputs: whole.inputs.filter(({ value }) => !known.some(({ outputs }) => outputs[0] === value)),
      steps: [...this.early, ...known, ...whole.steps],
    };
    const live = removeDeadSteps(ordered);
    if (live.updates.length + live.results.length === 0) return null;
    const rolled = findRepeats(live, this.loops, this.builder.ids);
    const used = removeDeadSteps(rolled);
    const read = readValues(used);
    const graph: LogicalGraph = renameValues(
      { ...used, inputs: used.inputs.filter(({ value }) => read.has(value.id)) },
      named,
    );
    const run = {
      kind: "run" as const,
      graph: this.name,
      batch: graph.inputs.some(({ source }) => source.kind === "batch") ? this.batch : null,
      scalars: asked
        .filter(({ value }) => read.has(value.id))
        .map(({ name, expression }) => ({ name, value: expression })),
      tensors: [...this.tensors]
        .filter(([, { value }]) => read.has(value.id))
        .map(([variable, { name }]) => ({ name, variable })),
      results: results.map(({ name, variable }) => ({ name, variable })),
      origin: this.origin,
    };
    return { graph, run };
  }
}

function readValues(graph: LogicalGraph): ReadonlySet<number> {
  const read = new Set([...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value.id));
  for (const step of graph.steps) for (const { id } of readsOf(step)) read.add(id);
  return read;
}

function renameValues(graph: LogicalGraph, names: ReadonlyMap<number, string>): LogicalGraph {
  const rename = (value: LogicalValue): LogicalValue => {
    const name = names.get(value.id);
    return name !== undefined && value.name === "" ? { ...value, name } : value;
  };
  return {
    ...graph,
    steps: replaceInSteps(graph.steps, rename),
    results: graph.results.map(({ name, value }) => ({ name, value: rename(value) })),
    updates: graph.updates.map(({ state, value }) => ({ state, value: rename(value) })),
    observed: graph.observed.map(({ label, value }) => ({ label, value: rename(value) })),
  };
}

const unique = (name: string, taken: readonly string[]): string => {
  const plain = name || "value";
  if (!taken.includes(plain)) return plain;
  for (let i = 2; ; i++) if (!taken.includes(`${plain}${i}`)) return `${plain}${i}`;
};
const nameOf = (expression: HostExpression): string =>
  expression.kind === "read"
    ? expression.variable.name
    : expression.kind === "config"
      ? expression.path.split(".").at(-1)!
      : "number";

/** A rank-0 value spread over a shape. */
export function spreadScalar(
  segment: Segment,
  value: LogicalValue,
  shape: readonly number[],
  place: StepPlace,
): LogicalValue {
  if (shape.length === 0) return value;
  const letters = [..."abcdefghijklmnop"].slice(0, shape.length);
  const sizes = Object.fromEntries(letters.map((letter, d) => [letter, shape[d]!]));
  return segment.builder.at(
    place,
    () => segment.builder.emit(regroup, [value], { factors: `->${letters.join("")}`, sizes })[0]!,
  );
}
