// Purpose: a trainer's TypeScript becomes a program. Needs: the file that launches it. Leaves: host code, states, loaders
// and logical graphs, in which gradients are still to be taken. Example: `loss.backward()` is a `gradient` step.

import { resolve } from "node:path";
import { z } from "zod";
import { Diagnosed, diagnosed, diagnostic } from "../../diagnostics/diagnostic.js";
import type { HostBlock, HostVariable } from "../../ir/host.js";
import { expressionsOf, statementsOf, variablesOf } from "../../ir/host-parts.js";
import { oneRank } from "../../ir/mesh.js";
import type { Program } from "../../ir/program.js";
import type { State } from "../../ir/state.js";
import { Evaluation, type Intrinsics } from "./evaluation.js";
import { type ReadOptions, readProgram } from "./frontend.js";
import { globalScope } from "./globals.js";
import { finishBlock } from "./host-builder.js";
import { keepVariables } from "./keep-variables.js";
import { Modules } from "./modules.js";
import { RunTime, withPinning } from "./run-time.js";
import { simplifyHost } from "./simplify-host.js";
import { errorPlaces } from "./syntax/calls.js";
import { type ConfigFault, type ConfigSettings, ConfigValues, placeOf } from "./trace/config.js";
import { tensorFunctions } from "./trace/functions.js";
import { LayoutRequests } from "./trace/layout-requests.js";
import { layoutServices } from "./trace/layout-services.js";
import { type Registry, services } from "./trace/services.js";
import { MutableTensor, Parameter, Tensor } from "./trace/tensor.js";
import { Tracer } from "./trace/tracer.js";

export interface EvaluateOptions extends ReadOptions {
  /** Steps of evaluation after which a program counts as endless. */
  readonly maxSteps?: number;
  /** Config values that take the place of the trainer's own. Throws `UnknownSettings` where there is no such entry. */
  readonly settings?: ConfigSettings;
}

/** Settings were given that the trainer's config has no entries for. */
export class UnknownSettings extends Error {
  override readonly name = "UnknownSettings";
  constructor(
    readonly unknown: readonly string[],
    readonly known: readonly string[],
  ) {
    super(`the config has no ${unknown.join(", ")}`);
  }
}

/** Throws `Diagnosed` on every fault of the user's program. */
export const evaluate = (entryFile: string, options: EvaluateOptions = {}): Program<"logical"> =>
  inEvaluation(entryFile, options, ({ file, ev, tracer, registry, config }) => {
    tracer.close();
    if (registry.trainer === null) throw diagnosed(null, "nothing-launched");
    const { unknown, known } = config.unknownSettings;
    if (unknown.length > 0) throw new UnknownSettings(unknown, known);
    return assemble(file, ev, tracer, registry, config);
  });

/** What there is once a file and all that it imports have been evaluated. */
export interface Evaluated {
  readonly file: string;
  readonly ev: Evaluation;
  readonly tracer: Tracer;
  readonly registry: Registry;
  readonly config: ConfigValues;
  /** What the file exports, by name. */
  exported(name: string): unknown;
}

/** Evaluates a file and hands over what there is then. */
export function inEvaluation<T>(entryFile: string, options: EvaluateOptions, use: (evaluated: Evaluated) => T): T {
  const file = resolve(entryFile);
  const frontend = readProgram(file, options);
  const tracer = new Tracer();
  const config = new ConfigValues(options.settings);
  const registry: Registry = {
    trainer: null,
    modules: [],
    loaders: [],
    computedBatches: new Set(),
    owned: new Map(),
    layout: new LayoutRequests(),
    mesh: oneRank,
    precision: { compute: "f32", reduce: "f32" },
  };
  const meanings: { readonly [name: string]: unknown } = {
    ...tensorFunctions(tracer),
    ...services(tracer, registry),
    ...layoutServices(tracer, registry),
    checkedConfig: (given: unknown, schema: z.ZodType) => config.check(given, schema, tracer.ev),
    refuseConfig: (path: string, fault: ConfigFault) => {
      throw diagnosed(placeOf(path.split("."), tracer.ev), fault);
    },
    z,
    Tensor,
    MutableTensor,
    Parameter: stateClass(
      Parameter,
      (shape, { dtype = "f32", requiresGrad = true }) => new Parameter(tracer, { shape, dtype }, requiresGrad),
    ),
    Buffer: stateClass(MutableTensor, (shape, { dtype = "f32" }) => new MutableTensor(tracer, { shape, dtype })),
  };
  const intrinsics: Intrinsics = {
    find: (name) => meanings[name],
    module: (specifier) => (specifier === "zod" ? { z } : null),
    isTensor: (value) => value instanceof Tensor,
    isState: (value) => value instanceof MutableTensor,
    name: (value, name) => {
      if (value instanceof RunTime && !tracer.scalarNames.has(value.expression))
        tracer.scalarNames.set(value.expression, name);
      if (
        value instanceof Tensor &&
        value.source.kind === "local" &&
        !value.source.segment.names.has(value.source.value.id)
      )
        value.source.segment.names.set(value.source.value.id, name);
    },
    inScope: (receiver, body) => tracer.inScope(receiver, body),
    unrolls: () => tracer.unrolls(),
  };
  const ev = new Evaluation(frontend, intrinsics, tracer.hooks, options.maxSteps);
  tracer.ev = ev;
  const pinning = {
    pinPath: (path: string) => void config.pinned.add(path),
    refuse: (): never => {
      throw ev.fail("run-time-value");
    },
  };
  return withPinning(pinning, () => {
    const globals = globalScope(ev, meanings.rankZeroPrint as (...parts: unknown[]) => void);
    try {
      const { exports } = new Modules(ev, globals).load(frontend.entry);
      return use({ file, ev, tracer, registry, config, exported: (name) => exports.get(name)?.() });
    } catch (fault) {
      throw located(fault, ev);
    }
  });
}

type StateOptions = { readonly dtype?: "f32" | "bf16" | "i32" | "bool"; readonly requiresGrad?: boolean };
/** `new Parameter(shape, options)` as the language has it: the compiler's own class, made with the tracer. */
function stateClass(
  base: { prototype: object },
  make: (shape: readonly number[], options: StateOptions) => object,
): unknown {
  const made = function (shape: readonly number[], options: StateOptions = {}): object {
    return make([...shape].map(Number), options);
  };
  Object.defineProperty(made, "name", { value: (base as { name?: string }).name });
  made.prototype = base.prototype;
  return made;
}

/** An error that the user's code threw, or a builtin on its behalf, at its place. */
function located(fault: unknown, ev: Evaluation): unknown {
  if (fault instanceof Diagnosed || !(fault instanceof Error)) return fault;
  const own = errorPlaces.get(fault);
  const text: unknown = fault.message;
  if (own) return diagnosed(own, "thrown", text instanceof RunTime ? "an error of the running program" : fault.message);
  if (
    fault instanceof TypeError ||
    fault instanceof ReferenceError ||
    fault instanceof RangeError ||
    fault instanceof z.ZodError
  )
    return diagnosed(ev.origin(), "fails-at-build-time", fault.message);
  return fault;
}

function assemble(
  file: string,
  ev: Evaluation,
  tracer: Tracer,
  registry: Registry,
  config: ConfigValues,
): Program<"logical"> {
  const finished = (): HostBlock => simplifyHost(finishBlock(ev.builder.current), config.fixed);
  const graphs = tracer.finish(() => readVariables(finished()), config.fixed);
  const { main, variables } = keepVariables(finished(), registry.trainer);
  const states = [...new Set([...tracer.states, ...tracer.gradients.values()])];
  checkOwners(registry.owned, tracer.gradients);
  checkSplits(registry, ev);
  const used = new Set<unknown>();
  for (const graph of graphs.values()) {
    for (const { source } of graph.inputs) if (source.kind === "state") used.add(source.state);
    for (const { state } of graph.updates) used.add(state);
  }
  return {
    level: "logical",
    name: registry.trainer!.constructor.name,
    file,
    config: config.finish(),
    mesh: registry.mesh,
    layout: registry.layout.finish(registry.modules.map(({ path }) => path)),
    precision: registry.precision,
    modules: registry.modules,
    states: states.filter((state) => used.has(state)),
    plan: null,
    variables,
    loaders: registry.loaders,
    computedBatches: [...registry.computedBatches],
    graphs,
    main,
  };
}

/** Ranks of these axes would all do the same if nothing were split over them. */
function checkSplits({ mesh, layout, trainer }: Registry, ev: Evaluation): void {
  const hooks = {
    tp: ["tensorParallel", "applyTensorParallel"],
    cp: ["contextParallel", "applyContextParallel"],
  } as const;
  for (const axis of ["tp", "cp"] as const) {
    const degree = mesh.degrees[axis];
    if (degree === 1 || layout.splitsOver(axis)) continue;
    const Class = trainer!.constructor;
    throw ev.failAtClass(Class, "degree-splits-nothing", Class.name, hooks[axis][0], String(degree), hooks[axis][1]);
  }
}

/** Every parameter of a loss has an optimizer, and every parameter of an optimizer a loss. */
function checkOwners(owned: ReadonlyMap<State, string>, gradients: ReadonlyMap<State, State>): void {
  const faults = [
    ...[...owned]
      .filter(([state]) => state.trainable && !gradients.has(state))
      .map(([{ name, origin }, owner]) => diagnostic(origin, "parameter-without-gradient", name, owner)),
    ...[...gradients.keys()]
      .filter((parameter) => !owned.has(parameter))
      .map(({ name, origin }) => diagnostic(origin, "parameter-without-optimizer", name)),
  ];
  const [first, ...rest] = faults;
  if (first) throw new Diagnosed([first, ...rest]);
}

/** The tensor variables that host code itself reads. */
const readVariables = (block: HostBlock): ReadonlySet<HostVariable> =>
  new Set([...statementsOf(block)].flatMap(expressionsOf).flatMap((expression) => [...variablesOf(expression)]));
