// Run-time services that the library is written with: questions to the running program, logging, batches. Primitives,
// like tensors: the compiler gives their meaning. Users meet them through trainers, loaders and callbacks.
import type { MeshAxis, MeshDegrees } from "./distributed/device-mesh.js";
import type { Module } from "./nn/module.js";
import type { Schema } from "./schema.js";
import type { Buffer, Parameter, Tensor } from "./tensor.js";

/** Keeps `value` a run-time value even where the compiler knows it: a loop over it becomes a loop of the program. */
export declare function runtime(value: number): number;
export declare function runtime(value: boolean): boolean;
/** Fixes a config value at build time: it shapes the program, and `--set` cannot change it. */
export declare function pinned<T>(value: T): T;

/**
 * Whether `value` is 0 unless `--set` says otherwise: a feature that is switched off is left out of the program, which
 * fixes the value.
 */
export declare function isOff(value: number): boolean;

/** Whether a function is a class, to be called with `new`. */
export declare function isClass(value: unknown): boolean;

/** True once `--max-steps` is reached or a signal asks the program to end. */
export declare function shouldStop(step: number): boolean;
/** Seconds since the program started. */
export declare function secondsSinceStart(): number;
/** Number of processes of the running program. */
export declare function worldSize(): number;

/** Prints numbers and texts, known at build time or at run time, on the first rank alone. */
export declare function rankZeroPrint(
  ...parts: readonly (string | number | boolean | Tensor | readonly (string | number)[])[]
): void;
/** Writes one character by its code, without a line's end: bytes of text as they are generated. */
export declare function printCharacter(code: number): void;
/** Checks a config by its schema (a fault is reported at its place) and makes every leaf a value that may be set at start. */
export declare function checkedConfig<T>(given: unknown, schema: Schema<T, unknown>): T;
/** Reports entries of a config that do not fit together, at the place where the user wrote the one at `path`. */
export declare function refuseConfig(path: string, fault: string): never;
/** Reports a hook that a trainer lacks, or that sets no field to what it should. */
export declare function hookMissing(trainer: object, hook: string): never;
export declare function hookSetsNoField(trainer: object, hook: string, what: string): never;
/** Writes one event into the metrics file and, if `console` is true, on the console of the first rank. */
export declare function logEvent(
  event: "train" | "validation",
  values: {
    readonly step: number;
    readonly epoch: number;
    /** What is undefined is left out. */
    readonly metrics: { readonly [name: string]: Tensor | number | undefined };
    readonly tokens: number;
    readonly console: boolean;
  },
): void;
/** How far the run is, for the progress bar. */
export declare function reportProgress(done: number, total: number): void;

/** Sums up the gradients of a scalar loss into `grad` of every parameter that needs one and reaches the loss. */
export declare function backward(loss: Tensor): void;
/** Gradients of `parameters` are zero from here on. */
export declare function zeroGradients(parameters: readonly Parameter[]): void;
/** Replaces the summed gradient of `parameter`, as clipping does. */
export declare function setGradient(parameter: Parameter, gradient: Tensor): void;
/** State that an optimizer keeps for one parameter, named `optimizer.<name>.<parameter>`; zeros of its shape at first. */
export declare function optimizerState(optimizer: object, name: string, of: Parameter): Buffer;

/** Reports batches that the data-parallel degrees known at build time do not divide. */
export declare function checkBatchSize(size: number): void;
/** A batch that the program computes: `size` samples along dim 0 of every field, which data-parallel ranks share out. */
export declare function computedBatch<B extends { readonly [field: string]: Tensor }>(batch: B, size: number): B;

/** What `body` computes belongs to the update of parameters, for reports and schedules. */
export declare function updating<T>(body: () => T): T;
/** What random operations inside `body` count as their step: microbatches since training began. */
export declare function withRandomStep<T>(step: number, body: () => T): T;
/** Everything that `body` runs becomes a function of this name in the program. */
export declare function namedPart<T>(name: string, body: () => T): T;
/** Traces `body` as the graph that gives every parameter and buffer its first value. */
export declare function initialize(body: () => void): void;

/** Tells the compiler the path of a module, parameter or buffer. A second path for one parameter ties the two. */
export declare function registerModule(path: string, module: Module): void;
export declare function registerState(path: string, state: Parameter | Buffer): void;
/** Tells the compiler which parameters an optimizer owns. */
export declare function registerOptimizer(path: string, optimizer: object, parameters: readonly Parameter[]): void;
/** Tells the compiler about the mesh, the precision and the techniques that the config asks for. */
export declare function configureDevices(device: {
  readonly degrees: MeshDegrees;
  readonly precision: "f32" | "bf16";
  readonly reduceDtype: "f32" | "bf16";
  readonly asyncTensorParallel: boolean;
  readonly rotateMethod: "alltoall" | "allgather";
  readonly balancesSequence: boolean;
  readonly fusesKernels: boolean;
  readonly memoryBudget: number | null;
  readonly offloadsOptimizer: boolean;
  readonly accumulatesWhole: boolean;
}): void;

/** The same numbers, lying on the mesh's axis split along `dim`, or whole (null). `comes`: how a plan says that they came. */
export declare function markTensor(
  tensor: Tensor,
  axis: MeshAxis,
  dim: number | null,
  comes: number | null | undefined,
): Tensor;
/** Logits of cross-entropies in `body` must come split over their classes along the axis. */
export declare function splittingLosses<T>(axis: MeshAxis, body: () => T): T;
/** Modules use the state split along `dim` over the axis, or whole (null). */
export declare function splitState(state: Parameter | Buffer, axis: MeshAxis, dim: number | null): void;
/** Those of the parameters that are in no unit yet become one, of the module; `inner` are all modules inside of it. */
export declare function shardTogether(
  module: Module,
  inner: readonly Module[],
  parameters: readonly Parameter[],
  options: { readonly reshardAfterForward: boolean | null; readonly reduceDtype: "f32" | "bf16" },
): void;
/** How many FSDP units ahead of their use gathers begin. */
export declare function prefetchUnits(count: number): void;
/** What the module computes inside is computed again in backward. */
export declare function recomputeModule(module: Module): void;
/** How the program is cut into stages (null: by cost), and how they take turns. */
export declare function cutIntoStages(request: {
  readonly stages: readonly (readonly Module[])[] | null;
  readonly schedule: "gpipe" | "1f1b" | "interleaved1f1b";
  readonly numMicrobatches: number;
  readonly stagesPerRank: number;
}): void;
/** The place in the user's code that runs now. */
export declare function currentPlace(): object;
/** Reports stages that do not fit the model or the mesh, where they were made. */
export declare function refuseStages(place: object, fault: string, ...details: readonly (string | number)[]): never;
/** Report plans and hooks that do not fit the model or the mesh. */
export declare function planNamesNoModule(module: Module, pattern: string, names: readonly string[]): never;
export declare function planDoesNotFit(style: string, module: Module): never;
export declare function degreeNeedsHook(trainer: object, entry: string, degree: number, hook: string): never;
/** Names the program after a trainer. */
export declare function registerTrainer(trainer: object): void;

/** A token folder, as `fetchBatch` reads it. `path` may be a config value: it then stays settable. */
export interface TokenSource {
  readonly kind: "tokens";
  readonly path: string;
  readonly split: string;
  readonly sequenceLength: number;
  readonly vocabSize: number | null;
}
/** A safetensors file with one sample per row. */
export interface TensorSource {
  readonly kind: "tensors";
  readonly path: string;
  readonly numSamples: number;
  readonly fields: { readonly [name: string]: { readonly shape: readonly number[]; readonly dtype: "f32" | "i32" } };
}
/** A loader known to the program: `fetch` reads one batch, `numBatches` says how many an epoch has. */
export declare class BatchReader {
  constructor(options: {
    readonly name: string;
    readonly source: TokenSource | TensorSource;
    readonly batchSize: number;
    readonly shuffle: boolean;
    readonly dropLast: boolean;
  });
  fetch(epoch: number, index: number): { readonly [field: string]: Tensor };
  readonly numBatches: number;
}

/** Means of named numbers over the rounds of a run-time loop. */
export declare class RunningMeans {
  constructor(name: string);
  /** Starts anew. */
  reset(): void;
  /** What is undefined is left out. */
  add(values: { readonly [name: string]: Tensor | number | undefined }): void;
  /** By name, in the order in which they were first added. */
  readonly means: { readonly [name: string]: number };
}
