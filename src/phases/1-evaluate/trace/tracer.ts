// What tensors mean. Tensor work is collected in the open segment; where host code has to look at a tensor, or control
// flow begins, the segment ends: it becomes a graph and a statement that runs it.
import type { StepPlace } from "../../../ir/build.js";
import type { LogicalGraph, LogicalValue, Phase, Step } from "../../../ir/graph.js";
import type { HostExpression, HostStatement, HostVariable } from "../../../ir/host.js";
import type { Axis } from "../../../ir/placement.js";
import type { State } from "../../../ir/state.js";
import { sameType, type TensorType } from "../../../ir/tensor-type.js";
import { type Op, OperandError } from "../../../ops/op.js";
import { constant, stopGradient } from "../../../ops/table.js";
import type { Evaluation } from "../evaluation.js";
import type { FixedValues } from "../fold.js";
import type { Hole } from "../host-builder.js";
import { Conflict } from "../joins.js";
import { Variable } from "../journal.js";
import { expressionOf, RunTime, type Scalar } from "../run-time.js";
import { Segment, spreadScalar } from "./segment.js";
import { Tensor } from "./tensor.js";

export class Tracer {
  ev!: Evaluation;
  private open: Segment | null = null;
  private readonly finished: Segment[] = [];
  private readonly names: string[] = [];
  phase: Phase = "forward";
  /** Paths of modules and of the one whose method runs. */
  readonly modulePaths = new WeakMap<object, string>();
  private scope = "";
  isConstant = false;
  readonly scalarNames = new WeakMap<HostExpression, string>();
  randomStep: Scalar = 0;
  /** The axes of the mesh with more than one rank. */
  axes: readonly Axis[] = [];
  /** In a parallel loss: the mark of logits `[N, classes]`. */
  logitsMark: string | null = null;
  private readonly rounds = new Map<number, number>();
  /** Gradient states by parameter. */
  readonly gradients = new Map<State, State>();
  /** Whether each gradient is known to be zero: then nothing has to be read, and its state may not be needed at all. */
  private readonly zeroes = new Map<State, Variable>();
  readonly states = new Set<State>();

  get segment(): Segment {
    if (!this.open) this.open = new Segment(this.names.at(-1) ?? "main", this.ev.origin(), this.scalarNames);
    return this.open;
  }

  get place(): StepPlace {
    return { origin: this.ev.origin(), scope: this.scope, phase: this.phase };
  }

  /** Runs a method of `receiver`; steps know the module that made them. */
  inScope<T>(receiver: unknown, body: () => T): T {
    const path = typeof receiver === "object" && receiver !== null ? this.modulePaths.get(receiver) : undefined;
    if (path === undefined || path === this.scope) return body();
    const before = this.scope;
    this.scope = path;
    try {
      return body();
    } finally {
      this.scope = before;
    }
  }
  inPhase<T>(phase: Phase, body: () => T): T {
    const before = this.phase;
    this.phase = phase;
    try {
      return body();
    } finally {
      this.phase = before;
    }
  }

  /** Steps of one op; operands that do not fit are reported at the user's place. */
  emit<A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: NoInfer<A>): readonly LogicalValue[] {
    const { segment } = this;
    const read = this.isConstant ? inputs : inputs.map((value) => this.detached(value));
    try {
      return segment.builder.at(this.place, () => {
        const outputs = segment.builder.emit(op, read, attrs);
        if (this.isConstant) for (const { id } of outputs) segment.constants.add(id);
        return outputs;
      });
    } catch (fault) {
      if (!(fault instanceof OperandError)) throw fault;
      throw this.ev.fail("operands-do-not-fit", fault.message);
    }
  }

  private detached(value: LogicalValue): LogicalValue {
    const { segment } = this;
    if (!segment.constants.has(value.id) || value.type.dtype === "i32" || value.type.dtype === "bool") return value;
    const [stopped] = segment.builder.at(this.place, () => segment.builder.emit(stopGradient, [value], {}));
    return stopped!;
  }

  tensor(value: LogicalValue): Tensor {
    return new Tensor(this, { kind: "local", segment: this.segment, value }, value.type);
  }

  /** The value of a tensor in the open segment. */
  valueOf(tensor: Tensor): LogicalValue {
    const { source } = tensor;
    const { segment } = this;
    switch (source.kind) {
      case "local":
        if (source.segment === segment) return source.value;
        return segment.tensor(source.segment.result(source.value), tensor.type);
      case "variable":
        return segment.tensor(source.variable, tensor.type);
      case "batch": {
        const value = segment.field(source.variable, source.field, tensor.type);
        if (value) return value;
        this.close();
        return this.segment.field(source.variable, source.field, tensor.type)!;
      }
      case "state": {
        const state = this.stateOf(tensor);
        if (state.kind !== "gradient" || !this.touch(state).isZero || segment.states.has(state))
          return segment.read(state);
        const [zeros] = segment.builder.at(this.place, () =>
          segment.builder.emit(constant, [], { ...state.type, value: 0 }),
        );
        return zeros!;
      }
    }
  }

  stateOf(tensor: Tensor): State {
    const { source } = tensor;
    if (source.kind !== "state" || !source.holder.state) throw this.ev.fail("parameter-not-registered");
    return source.holder.state;
  }

  /** A number, known or not, in the shape and type of a tensor. */
  scalarLike(scalar: Scalar, type: TensorType): LogicalValue {
    if (type.dtype === "bool") throw this.ev.fail("bool-meets-a-number");
    const dtype = type.dtype === "i32" ? "i32" : "f32";
    const value = this.segment.scalar(expressionOf(scalar), dtype);
    return spreadScalar(this.segment, value, type.shape, this.place);
  }

  /** The host variable that holds a tensor between graphs. */
  variableOf(tensor: Tensor): HostVariable {
    const { source } = tensor;
    if (source.kind === "variable") return source.variable;
    if (source.kind === "local") {
      if (source.segment === this.open) this.close();
      return source.segment.result(source.value);
    }
    const local = this.valueOf(tensor);
    const { segment } = this;
    const [copy] = segment.builder.at(this.place, () => segment.builder.emit(stopGradient, [local], {}));
    this.close();
    return segment.result(copy!);
  }

  item(tensor: Tensor): RunTime {
    if (tensor.type.shape.some((size) => size !== 1)) throw this.ev.fail("not-a-scalar", tensor.type.shape);
    const expression: HostExpression = { kind: "item", tensor: this.variableOf(tensor) };
    return new RunTime(expression, tensor.type.dtype === "bool" ? "boolean" : "number");
  }

  /** Ends the open segment: what follows in the host code happens after it. */
  close(): void {
    const segment = this.open;
    this.open = null;
    if (!segment || segment.isEmpty) return;
    this.finished.push(segment);
    this.ev.builder.emit({
      kind: "deferred",
      make: () => {
        this.reached.add(segment);
        return this.runs.get(segment) ?? [];
      },
    });
  }

  /** What `body` does is a part of the program of its own, with graphs of its own. */
  namedPart<T>(name: string, body: () => T): T {
    this.close();
    const { builder } = this.ev;
    const origin = this.ev.origin();
    this.names.push(name);
    let result!: T;
    try {
      const block = builder.block(() => {
        result = body();
        this.close();
      });
      builder.emit({ kind: "scope", name, label: builder.label(name), body: block, origin });
    } finally {
      this.names.pop();
    }
    return result;
  }

  private readonly runs = new Map<Segment, readonly HostStatement[]>();
  private readonly reached = new Set<Segment>();
  /** The graphs of all segments that host code runs, where anything of them is needed. */
  finish(usesOf: () => ReadonlySet<HostVariable>, fixed: FixedValues): ReadonlyMap<string, LogicalGraph> {
    // Backwards: whether a result is read depends on the graphs behind it.
    const read = new Set(usesOf());
    const made = this.finished
      .filter((segment) => this.reached.has(segment))
      .reverse()
      .flatMap((segment) => {
        const each = segment.finish((variable) => read.has(variable), fixed);
        if (each) for (const { variable } of each.run.tensors) read.add(variable);
        return each ? [{ segment, ...each }] : [];
      })
      .reverse();
    const graphs = new Map<string, LogicalGraph>();
    for (const { segment, graph, run } of made) {
      let name = segment.name;
      for (let i = 2; graphs.has(name); i++) name = `${segment.name}${i}`;
      graphs.set(name, { ...graph, name });
      this.runs.set(segment, [{ ...run, graph: name }]);
    }
    return graphs;
  }

  /**
   * A stream for each named part of the program, and the number of this draw in it. So numbers depend on the order
   * of draws alone: not on where the code stands, and not on the version of the library.
   */
  randomPlace(): { readonly stream: number; readonly round: number } {
    const stream = hashText(this.names.at(-1) ?? "main");
    const round = this.rounds.get(stream) ?? 0;
    this.rounds.set(stream, round + 1);
    return { stream, round };
  }

  write(holder: Tensor, value: LogicalValue): void {
    const state = this.stateOf(holder);
    if (!sameType(state.type, value.type))
      throw new Error(`${state.name} of shape [${state.type.shape}] would hold [${value.type.shape}]`);
    this.segment.write(state, value);
    this.states.add(state);
  }

  gradientOf(parameter: State): State {
    let state = this.gradients.get(parameter);
    if (!state) {
      const name = `gradient.${parameter.name}`;
      state = {
        kind: "gradient",
        name,
        paths: [name],
        type: parameter.type,
        of: parameter,
        trainable: false,
        origin: parameter.origin,
      };
      this.gradients.set(parameter, state);
      const zero = new Variable(name, 0, false);
      zero.value = isZero;
      this.zeroes.set(state, zero);
    }
    return state;
  }

  /** Adds the gradients of `loss` to those of every parameter that it depends on. */
  backward(loss: Tensor): void {
    if (loss.type.shape.some((size) => size !== 1)) throw this.ev.fail("loss-not-scalar", loss.type.shape);
    if (loss.source.kind !== "local" || loss.source.segment !== this.open) throw this.ev.fail("loss-from-elsewhere");
    const { segment } = this;
    const flat = loss.type.shape.length === 0 ? loss : loss.view([]);
    const value = this.valueOf(flat);
    const reached = reach(segment.builder.steps, value, segment.constants);
    const parameters = [...segment.states].filter(
      ([state, now]) => state.kind === "parameter" && state.trainable && reached.has(now.id),
    );
    const by = parameters.map(([, now]) => now);
    if (by.length === 0) throw this.ev.fail("loss-without-parameters");
    this.inPhase("backward", () => {
      const gradients = segment.builder.at(this.place, () => segment.builder.gradient(value, by));
      for (const { id } of gradients) segment.constants.add(id);
      const watch = this.unrolls();
      parameters.forEach(([parameter], i) => {
        watch.round();
        segment.observed.set(parameter.name, this.addTo(this.gradientOf(parameter), gradients[i]!));
      });
      watch.end();
    });
  }

  private addTo(state: State, gradient: LogicalValue): LogicalValue {
    if (this.touch(state).isZero && !this.segment.states.has(state)) return this.setGradient(state, gradient);
    const held = this.segment.read(state);
    const before = this.isConstant;
    this.isConstant = true;
    const sum = new Tensor(this, { kind: "local", segment: this.segment, value: held }, held.type).add(
      this.tensor(gradient),
    );
    this.isConstant = before;
    const value = this.valueOf(sum);
    this.segment.names.set(value.id, `grad.${held.name}`);
    return this.setGradient(state, value);
  }

  /** What the open segment knows of a gradient. */
  private touch(state: State): { isZero: boolean } {
    const { gradients } = this.segment;
    let known = gradients.get(state);
    if (!known) {
      const wasZero = this.zeroes.get(state)!.value === isZero;
      gradients.set(state, (known = { wasZero, isZero: wasZero }));
    }
    return known;
  }
  private mark(state: State, zero: boolean): void {
    this.touch(state).isZero = zero;
    this.ev.journal.write(this.zeroes.get(state)!, zero ? isZero : mayBeAnything);
  }
  setGradient(state: State, value: LogicalValue): LogicalValue {
    this.mark(state, false);
    this.segment.write(state, value);
    return value;
  }
  zeroGradient(state: State): void {
    this.mark(state, true);
    this.segment.states.delete(state);
    this.segment.written.delete(state);
  }

  hooks = {
    beforeControl: (): void => this.close(),
    dropOpen: (): void => {
      this.open = null;
    },
    tensorVariable: (name: string, values: readonly unknown[]): unknown => {
      if (!values.every((value): value is Tensor => value instanceof Tensor)) return null;
      const { type } = values[0]!;
      if (!values.every((value) => sameType(value.type, type))) return new Conflict(name);
      const variable: HostVariable = { name, type: "tensor", kept: false, initial: null };
      return new Tensor(this, { kind: "variable", variable }, type);
    },
    assignTensor: (head: unknown, value: unknown, hole: Hole): void => {
      if (!(head instanceof Tensor) || !(value instanceof Tensor) || head.source.kind !== "variable") return;
      hole.assignments.push({
        variable: head.source.variable,
        value: { kind: "read", variable: this.variableOf(value) },
      });
    },
  };

  /** Rounds of unrolled loops, for finding repeats. */
  unrolls(): { round(): void; end(): void } {
    const marks: { segment: Segment; at: number }[] = [];
    return {
      round: () => void marks.push({ segment: this.segment, at: this.segment.builder.steps.length }),
      end: () => {
        const { segment } = this;
        if (marks.length < 2 || marks.some((mark) => mark.segment !== segment)) return;
        const { steps } = segment.builder;
        const ends = [...marks.slice(1).map(({ at }) => at), steps.length];
        const rounds: Step<"logical">[][] = marks.map(({ at }, i) => steps.slice(at, ends[i]));
        if (rounds.every((round) => round.length > 0)) segment.loops.push({ rounds });
      },
    };
  }
}

/** What is known of a gradient. Objects, so that paths that disagree leave neither. */
const isZero = { isZero: true };
const mayBeAnything = { isZero: false };

/** Values that a value depends on through steps that pass gradients on. */
function reach(
  steps: readonly Step<"logical">[],
  from: LogicalValue,
  constants: ReadonlySet<number>,
): ReadonlySet<number> {
  const reached = new Set([from.id]);
  for (const step of [...steps].reverse()) {
    if (step.kind !== "op" || step.op.stopsGradient) continue;
    if (!step.outputs.some(({ id }) => reached.has(id) && !constants.has(id))) continue;
    step.inputs.forEach(({ id, type }, i) => {
      if ((type.dtype === "f32" || type.dtype === "bf16") && !step.op.indices.includes(i)) reached.add(id);
    });
  }
  return reached;
}

/** 32 bits of a text (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
