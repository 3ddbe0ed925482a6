// Builds logical graphs step by step. A block builder makes a list of steps: a graph's own, or a repeat body's. Types
// follow from the op's record; where they do not fit the record's `OperandError` passes through to whoever knows the place.
import { describe } from "../ops/factors.js";
import type { Emitter, Op } from "../ops/op.js";
import type { Graph, InputSource, LogicalGraph, LogicalValue, Phase, RepeatStep, Step, Update } from "./graph.js";
import type { Origin } from "./origin.js";
import type { TensorType } from "./tensor-type.js";

/** Where the steps made next come from. */
export interface StepPlace {
  readonly origin: Origin | null;
  readonly scope: string;
  readonly phase: Phase;
}

/** Where a step comes from, without the rest of it. */
export const placeOf = ({ origin, scope, phase }: StepPlace): StepPlace => ({ origin, scope, phase });

/** Where a local step comes from, and the microbatch that it works on, without the rest of it. */
export const localPlaceOf = (
  step: StepPlace & { readonly microbatch?: number },
): StepPlace & { readonly microbatch?: number } =>
  step.microbatch === undefined ? placeOf(step) : { ...placeOf(step), microbatch: step.microbatch };

export const nowhere: StepPlace = { origin: null, scope: "", phase: "forward" };

/** Gives out value ids, unique in one graph and its bodies. */
export class ValueIds {
  constructor(private next = 0) {}
  take(): number {
    return this.next++;
  }
}

export interface ValueNotes {
  readonly name?: string;
  readonly gradientOf?: number | null;
}

export class BlockBuilder implements Emitter {
  readonly steps: Step<"logical">[] = [];
  constructor(
    readonly ids: ValueIds,
    public place: StepPlace = nowhere,
  ) {}

  /** A value that no step has made yet. */
  value(type: TensorType, { name = "", gradientOf = null }: ValueNotes = {}): LogicalValue {
    return { id: this.ids.take(), type, name, gradientOf };
  }

  emit<A>(
    op: Op<A>,
    inputs: readonly LogicalValue[],
    attrs: NoInfer<A>,
    notes: ValueNotes = {},
  ): readonly LogicalValue[] {
    const { outputTypes } = describe(
      op,
      inputs.map(({ type }) => type),
      attrs,
    );
    const outputs = outputTypes.map((type) => this.value(type, notes));
    this.steps.push({ kind: "op", op, attrs, inputs, outputs, choice: null, ...this.place });
    return outputs;
  }

  /** The gradients of a rank-0 `loss` by each of `by`. */
  gradient(loss: LogicalValue, by: readonly LogicalValue[]): readonly LogicalValue[] {
    if (loss.type.shape.length !== 0) throw new Error("a gradient is taken of a loss without dims");
    const outputs = by.map(({ id, type, name }) => this.value(type, { name, gradientOf: id }));
    this.steps.push({ kind: "gradient", loss, by, outputs, ...this.place });
    return outputs;
  }

  /** A step made elsewhere, over values of this builder's ids. */
  push(step: Step<"logical">): void {
    this.steps.push(step);
  }

  repeat(step: Omit<RepeatStep<"logical">, "kind" | keyof StepPlace>): void {
    this.steps.push({ kind: "repeat", ...step, ...this.place });
  }

  /** A builder of a body inside this block. */
  inner(): BlockBuilder {
    return new BlockBuilder(this.ids, this.place);
  }

  /** What `body` makes comes from `place`. */
  at<T>(place: StepPlace, body: () => T): T {
    const before = this.place;
    this.place = place;
    try {
      return body();
    } finally {
      this.place = before;
    }
  }
}

export class GraphBuilder extends BlockBuilder {
  readonly inputs: Graph<"logical">["inputs"][number][] = [];
  constructor(
    readonly name: string,
    ids: ValueIds = new ValueIds(),
  ) {
    super(ids);
  }

  input(source: InputSource, type: TensorType, name: string): LogicalValue {
    const value = this.value(type, { name });
    this.inputs.push({ value, source });
    return value;
  }

  finish(ends: {
    readonly results?: LogicalGraph["results"];
    readonly updates?: readonly Update<"logical">[];
    readonly observed?: LogicalGraph["observed"];
  }): LogicalGraph {
    const { results = [], updates = [], observed = [] } = ends;
    return {
      level: "logical",
      name: this.name,
      inputs: [...this.inputs],
      steps: [...this.steps],
      results,
      updates,
      observed,
    };
  }
}
