// The meaning of the run-time services that the library is written with: they become host statements, host expressions
// and entries of the program.
import type { HostExpression, HostQuery, HostVariable } from "../../../ir/host.js";
import type { Mesh } from "../../../ir/placement.js";
import type { Loader, ModuleInfo, Precision } from "../../../ir/program.js";
import type { State } from "../../../ir/state.js";
import type { TensorType } from "../../../ir/tensor-type.js";
import { batchMark } from "../../../ops/layout.js";
import { mark } from "../../../ops/table.js";
import { Fresh } from "../cells.js";
import { expressionOf, isScalar, knownOf, pin, RunTime, type RunTimeType, type Scalar } from "../run-time.js";
import type { LayoutRequests } from "./layout-requests.js";
import { MutableTensor, Parameter, Tensor } from "./tensor.js";
import type { Tracer } from "./tracer.js";

/** What services tell about the program, beyond its code. */
export interface Registry {
  trainer: object | null;
  readonly modules: ModuleInfo[];
  readonly loaders: Loader[];
  readonly computedBatches: Set<number>;
  readonly owned: Map<State, string>;
  readonly layout: LayoutRequests;
  mesh: Mesh;
  precision: Precision;
}
interface Source {
  readonly kind: "tokens" | "tensors";
  readonly path: Scalar;
  readonly split: string;
  readonly sequenceLength: number;
  readonly vocabSize: number | null;
  readonly numSamples: number;
  readonly fields: { readonly [name: string]: { readonly shape: readonly number[]; readonly dtype: "f32" | "i32" } };
}

export function services(tracer: Tracer, registry: Registry): { readonly [name: string]: unknown } {
  const emit: Tracer["ev"]["builder"]["emit"] = (item) => tracer.ev.builder.emit(item);
  const origin = () => tracer.ev.origin();
  const optimizerStates = new Map<string, State>();
  const read = (variable: HostVariable): RunTime =>
    new RunTime({ kind: "read", variable }, variable.type as RunTimeType);
  /** A question whose answer changes: asked here, kept in a variable. */
  const ask = (query: HostQuery, type: RunTimeType, args: readonly Scalar[]): RunTime => {
    tracer.close();
    const variable: HostVariable = { name: query, type, kept: false, initial: null };
    emit({ kind: "let", variable, value: { kind: "query", query, args: args.map(expressionOf) }, origin: origin() });
    return read(variable);
  };
  const numberOf = (value: unknown): HostExpression => {
    if (value instanceof Tensor) return tracer.item(value).expression;
    if (isScalar(value)) return expressionOf(value);
    throw tracer.ev.fail("not-printable");
  };

  class BatchReader {
    readonly numBatches: RunTime;
    private readonly loader: Loader;
    constructor(options: { name: string; source: Source; batchSize: number; shuffle: boolean; dropLast: boolean }) {
      const { source } = options;
      const batchSize = Number(options.batchSize);
      const path =
        source.path instanceof RunTime && source.path.expression.kind === "config"
          ? { config: source.path.expression.path }
          : { literal: String(source.path) };
      const fields =
        source.kind === "tokens"
          ? [
              {
                name: "inputIds",
                type: { shape: [batchSize, Number(source.sequenceLength)], dtype: "i32" } as TensorType,
              },
            ]
          : Object.entries(source.fields).map(([name, { shape, dtype }]) => ({
              name,
              type: { shape: [batchSize, ...shape.map(Number)], dtype } as TensorType,
            }));
      const taken = registry.loaders.filter(({ name }) => name.startsWith(options.name)).length;
      this.loader = {
        name: taken === 0 ? options.name : `${options.name}${taken + 1}`,
        source:
          source.kind === "tokens"
            ? {
                kind: "tokens",
                path,
                split: source.split,
                sequenceLength: Number(source.sequenceLength),
                vocabSize: source.vocabSize === null ? null : Number(source.vocabSize),
              }
            : { kind: "tensors", path, numSamples: Number(source.numSamples) },
        batchSize,
        shuffle: Boolean(options.shuffle),
        dropLast: Boolean(options.dropLast),
        fields,
      };
      registry.loaders.push(this.loader);
      this.numBatches = new RunTime({ kind: "numBatches", loader: this.loader.name }, "number");
    }
    fetch(epoch: Scalar, index: Scalar): { readonly [field: string]: Tensor } {
      tracer.close();
      const variable: HostVariable = { name: "batch", type: "batch", kept: false, initial: null };
      emit({
        kind: "fetch",
        loader: this.loader.name,
        epoch: expressionOf(epoch),
        index: expressionOf(index),
        into: variable,
        origin: origin(),
      });
      return Object.fromEntries(
        this.loader.fields.map(({ name, type }) => [
          name,
          new Tensor(tracer, { kind: "batch", variable, field: name }, type),
        ]),
      );
    }
  }

  class RunningMeans {
    private readonly sums = new Map<string, HostVariable>();
    private readonly count: HostVariable;
    constructor(private readonly name: string) {
      this.count = { name: `${name}Count`, type: "number", kept: false, initial: null };
    }
    private set(variable: HostVariable, value: HostExpression): void {
      emit({ kind: "assign", variable, value, origin: origin() });
    }
    reset(): void {
      tracer.close();
      this.set(this.count, { kind: "literal", value: 0 });
    }
    add(values: { readonly [name: string]: Tensor | Scalar | undefined }): void {
      const isFirst: HostExpression = {
        kind: "binary",
        operator: "===",
        left: read(this.count).expression,
        right: { kind: "literal", value: 0 },
      };
      const numbers = present(values).map(([name, value]) => [name, numberOf(value)] as const);
      tracer.close();
      for (const [name, value] of numbers) {
        let sum = this.sums.get(name);
        if (!sum)
          this.sums.set(
            name,
            (sum = {
              name: `${this.name}${name[0]!.toUpperCase()}${name.slice(1)}`,
              type: "number",
              kept: false,
              initial: null,
            }),
          );
        const more: HostExpression = { kind: "binary", operator: "+", left: read(sum).expression, right: value };
        this.set(sum, { kind: "conditional", condition: isFirst, then: value, otherwise: more });
      }
      this.set(this.count, {
        kind: "binary",
        operator: "+",
        left: read(this.count).expression,
        right: { kind: "literal", value: 1 },
      });
    }
    get means(): { readonly [name: string]: RunTime } {
      const mean = (sum: HostVariable): RunTime =>
        new RunTime(
          { kind: "binary", operator: "/", left: read(sum).expression, right: read(this.count).expression },
          "number",
        );
      return Object.fromEntries([...this.sums].map(([name, sum]) => [name, mean(sum)]));
    }
  }

  return {
    BatchReader,
    RunningMeans,
    runtime: (value: Scalar) =>
      new Fresh(expressionOf(value), value instanceof RunTime ? value.type : (typeof value as RunTimeType)),
    pinned: (value: unknown) => (value instanceof RunTime ? pin(value) : value),
    isClass: (value: unknown) => tracer.ev.classes.has(value as object),
    isOff: (value: Scalar) => {
      const isZero = knownOf(value) === 0;
      if (isZero && value instanceof RunTime) pin(value);
      return isZero;
    },
    shouldStop: (step: Scalar) => ask("shouldStop", "boolean", [step]),
    secondsSinceStart: () => ask("seconds", "number", []),
    worldSize: () => new RunTime({ kind: "query", query: "worldSize", args: [] }, "number"),
    rankZeroPrint: (...parts: unknown[]) => {
      const texts = parts.map((part): HostExpression => {
        if (Array.isArray(part) && part.some((item) => item instanceof RunTime)) return listOf(part.map(numberOf));
        if (part instanceof Tensor || isScalar(part)) return numberOf(part);
        return { kind: "literal", value: showPlain(part) };
      });
      tracer.close();
      emit({ kind: "print", parts: texts, isLine: true, origin: origin() });
    },
    printCharacter: (code: unknown) => {
      const value = numberOf(code);
      tracer.close();
      emit({ kind: "print", parts: [{ kind: "character", code: value }], isLine: false, origin: origin() });
    },
    logEvent: (
      event: "train" | "validation",
      values: {
        step: Scalar;
        epoch: Scalar;
        metrics: { readonly [name: string]: unknown };
        tokens: Scalar;
        console: Scalar;
      },
    ) => {
      const metrics = present(values.metrics).map(([name, value]) => ({ name, value: numberOf(value) }));
      tracer.close();
      const [step, epoch, tokens, console] = [values.step, values.epoch, values.tokens, values.console].map(
        expressionOf,
      ) as [HostExpression, HostExpression, HostExpression, HostExpression];
      emit({ kind: "log", event, step, epoch, metrics, tokens, console, origin: origin() });
    },
    reportProgress: (done: Scalar, total: Scalar) => {
      tracer.close();
      emit({ kind: "progress", done: expressionOf(done), total: expressionOf(total), origin: origin() });
    },
    backward: (loss: Tensor) => tracer.backward(loss),
    zeroGradients: (parameters: readonly Parameter[]) => {
      for (const parameter of parameters) {
        const state = tracer.gradients.get(tracer.stateOf(parameter));
        if (state) tracer.zeroGradient(state);
      }
    },
    setGradient: (parameter: Parameter, gradient: Tensor) => {
      const state = tracer.gradients.get(tracer.stateOf(parameter));
      if (!state) throw tracer.ev.fail("no-gradient", parameter.name);
      tracer.setGradient(state, gradient.expand(parameter.shape).to(parameter.dtype)._value);
    },
    optimizerState: (_: object, name: string, of: Parameter) => {
      const owner = tracer.stateOf(of);
      const full = `optimizer.${name}.${owner.name}`;
      const buffer = new MutableTensor(tracer, owner.type);
      const state: State = optimizerStates.get(full) ?? {
        kind: "optimizer",
        name: full,
        paths: [full],
        type: owner.type,
        of: owner,
        trainable: false,
        origin: owner.origin,
      };
      optimizerStates.set(full, state);
      buffer.holder.state = state;
      tracer.states.add(state);
      return buffer;
    },
    updating: (body: () => unknown) => tracer.inPhase("update", body),
    withRandomStep: (step: Scalar, body: () => unknown) => {
      const before = tracer.randomStep;
      tracer.randomStep = step;
      try {
        return body();
      } finally {
        tracer.randomStep = before;
      }
    },
    namedPart: (name: string, body: () => unknown) => tracer.namedPart(name, body),
    initialize: (body: () => void) => {
      tracer.namedPart("initialize", body);
      emit({ kind: "initialized", origin: origin() });
    },
    computedBatch: (batch: { readonly [field: string]: Tensor }, size: number) => {
      registry.computedBatches.add(Number(size));
      return Object.fromEntries(
        Object.entries(batch).map(([field, tensor]) => {
          if (tensor.shape[0] !== Number(size))
            throw tracer.ev.fail("batch-has-other-rows", field, tensor.shape, Number(size));
          return [field, tracer.tensor(tracer.emit(mark, [tracer.valueOf(tensor)], { name: batchMark })[0]!)];
        }),
      );
    },
    registerModule: (path: string, module: object) => {
      tracer.modulePaths.set(module, path);
      registry.modules.push({ path, className: module.constructor.name, origin: origin() });
    },
    registerState: (path: string, tensor: MutableTensor) => {
      const { holder } = tensor;
      if (holder.state) {
        if (!holder.state.paths.includes(path)) (holder.state.paths as string[]).push(path);
        return;
      }
      const isParameter = tensor instanceof Parameter;
      holder.state = {
        kind: isParameter ? "parameter" : "buffer",
        name: path,
        paths: [path],
        type: tensor.type,
        of: null,
        trainable: isParameter && tensor.requiresGrad,
        origin: holder.origin,
      };
      tracer.states.add(holder.state);
    },
    registerOptimizer: (path: string, _: object, parameters: readonly Parameter[]) => {
      for (const parameter of parameters) {
        const state = tracer.stateOf(parameter);
        const other = registry.owned.get(state);
        if (other !== undefined) throw tracer.ev.fail("parameter-owned-twice", state.name, other, path);
        registry.owned.set(state, path);
      }
    },
    hookMissing: (trainer: object, hook: string) => {
      throw tracer.ev.failAtClass(trainer.constructor, "hook-missing", trainer.constructor.name, hook);
    },
    hookSetsNoField: (trainer: object, hook: string, what: string) => {
      throw tracer.ev.failAtClass(trainer.constructor, "hook-sets-no-field", trainer.constructor.name, hook, what);
    },
    registerTrainer: (trainer: object) => {
      if (registry.trainer) throw tracer.ev.fail("launched-twice", registry.trainer.constructor.name);
      registry.trainer = trainer;
    },
  };
}

/** Values in brackets, as text. */
function listOf(items: readonly HostExpression[]): HostExpression {
  const join = (left: HostExpression, right: HostExpression): HostExpression => ({
    kind: "binary",
    operator: "+",
    left,
    right,
  });
  const text = (value: string): HostExpression => ({ kind: "literal", value });
  const inside = items.reduce((all, item, i) => join(join(all, text(i === 0 ? "" : ", ")), item), text("["));
  return join(inside, text("]"));
}

const present = (values: { readonly [name: string]: unknown }): [string, unknown][] =>
  Object.entries(values).filter(([, value]) => value !== undefined);

const showPlain = (value: unknown): string =>
  typeof value === "object"
    ? JSON.stringify(value, (_, item: unknown) => (item instanceof Tensor ? `Tensor [${item.shape.join(", ")}]` : item))
    : String(value);
