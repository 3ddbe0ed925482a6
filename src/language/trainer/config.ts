// Configs on zod: checked when a trainer is built, and, for what shapes no tensor, settable when its program starts.
import { CallbackCollection } from "../callbacks/callback.js";
import { type InputOf, type OutputOf, type Shape, z } from "../schema.js";
import { checkedConfig } from "../services.js";
import { checkDevices } from "./devices.js";

/** Makes a checked config from what differs from its defaults. */
export interface ConfigMaker<S extends Shape> {
  (given?: InputOf<S>): OutputOf<S>;
  readonly shape: S;
  readonly validate: (config: OutputOf<S>) => void;
}
/** The type of the configs that a maker gives: `type LMConfig = ConfigOf<typeof LMConfig>`. */
export type ConfigOf<M> = M extends ConfigMaker<infer S> ? OutputOf<S> : never;

interface Checks<S extends Shape> {
  readonly validate?: (config: OutputOf<S>) => void;
}
/** `base`'s entries and more. `validate` may throw where entries do not fit together; `base`'s own runs first. */
export function defineConfig<S extends Shape>(base: null, entries: S, checks?: Checks<S>): ConfigMaker<S>;
export function defineConfig<B extends Shape, S extends Shape>(
  base: ConfigMaker<B>,
  entries: S,
  checks?: Checks<B & S>,
): ConfigMaker<B & S>;
export function defineConfig<B extends Shape, S extends Shape>(
  base: ConfigMaker<B> | null,
  entries: S,
  { validate = () => {} }: Checks<B & S> = {},
): ConfigMaker<B & S> {
  const shape = { ...(base === null ? {} : base.shape), ...entries } as B & S;
  const schema = z.strictObject(shape);
  const make = (given: InputOf<B & S> = {} as InputOf<B & S>) => {
    const config = checkedConfig(given, schema) as OutputOf<B & S>;
    check(config);
    return config;
  };
  const check = (config: OutputOf<B & S>): void => {
    base?.validate(config);
    validate(config);
  };
  return Object.assign(make, { shape, validate: check }) as unknown as ConfigMaker<B & S>;
}

const degree = z.union([z.int().positive(), z.literal("auto")]);

/**
 * How the program is spread over processes. All of it shapes the program: nothing here can be set when it starts, but one
 * data-parallel degree may be "auto", as many as the processes that the other degrees leave.
 */
export const deviceParameters = z
  .strictObject({
    /** Copies of the model that share out the batch. "auto" unless told, where no other degree is. */
    dpReplicate: degree.optional(),
    /** FSDP: ranks that share out the batch and hold parameters, gradients and optimizer state in shards. */
    dpShard: degree.default(1),
    tensorParallel: z.int().positive().default(1),
    contextParallel: z.int().positive().default(1),
    pipelineParallel: z.int().positive().default(1),
    /** `1f1b` unless told; `interleaved1f1b` where a rank holds several stages. */
    pipelineSchedule: z.enum(["gpipe", "1f1b", "interleaved1f1b"]).optional(),
    /** Stages that each rank holds, where `applyPipelineParallel` does not make them: above 1 they are interleaved. */
    pipelineStagesPerRank: z.int().positive().default(1),
    /** Parts of a batch that go through the stages one behind the other; as many as stages unless told. */
    pipelineMicrobatches: z.int().positive().optional(),
    /** Products and the collectives beside them run in pieces that overlap. Needs `compileModel`. */
    asyncTensorParallel: z.boolean().default(false),
    /** Losses of logits that are split over the vocabulary: they are whole on no rank. */
    lossParallel: z.boolean().default(false),
    /** How keys and values get to the queries of other ranks: around a ring, or gathered. */
    contextParallelRotateMethod: z.enum(["alltoall", "allgather"]).default("alltoall"),
    /** Sequences are dealt out in head and tail pieces, so that causal masks leave all ranks the same work. */
    contextParallelLoadBalance: z.boolean().default(true),
    /** Off: one kernel per operation, for debugging. */
    compileModel: z.boolean().default(true),
    /** Backward is always compiled with forward; here for PyTorch's sake. */
    enableCompiledAutograd: z.boolean().default(true),
    /** Element type of products and of what lies between them. Parameters and optimizer state are f32. */
    precision: z.enum(["f32", "bf16"]).default("f32"),
    /** Element type in which gradients are summed over ranks. */
    reduceDtype: z.enum(["f32", "bf16"]).default("f32"),
    /** FSDP: gradients of microbatches add up whole on each rank and are scattered once a step: less traffic, more memory. */
    accumulateWholeGradients: z.boolean().default(false),
    /** Calls `applyActivationCheckpointing()`. */
    activationCheckpointing: z.boolean().default(false),
    /** Bytes that a rank may use beside its parameters and optimizer state: more is recomputed until it fits. */
    activationMemoryBudget: z.int().positive().nullable().default(null),
    /** Optimizer state rests in host memory. */
    offloadOptimizer: z.boolean().default(false),
  })
  .meta({ fixed: true });
/** What `deviceParameters` of a config holds once it is checked. */
export type DeviceParameters = z.output<typeof deviceParameters>;

/** Batch sizes are those of the whole program, whatever the mesh. */
export const trainingParameters = z.strictObject({
  nEpochs: z.int().positive().default(1),
  trainBatchSize: z.int().positive().default(8),
  gradientAccumulationSteps: z.int().positive().default(1),
  /** 0: no clipping. */
  gradientClipVal: z.number().nonnegative().default(0),
  /** Share of an epoch between validations; 0: none. */
  valFrequency: z.number().min(0).max(1).default(0),
  valBatches: z.int().positive().default(20),
  logEveryNSteps: z.int().positive().default(10),
});

/** The config that every trainer has: how it is spread, how long it trains, who listens. Extend it by `defineConfig`. */
export const DreamTrainerConfig = defineConfig(
  null,
  {
    deviceParameters: deviceParameters.prefault({}),
    trainingParameters: trainingParameters.prefault({}),
    callbacks: z.instanceof(CallbackCollection).default(() => new CallbackCollection([])),
  },
  { validate: ({ deviceParameters }) => checkDevices(deviceParameters) },
);
/** A config of `DreamTrainerConfig` or of one that extends it. */
export interface DreamTrainerConfig extends ConfigOf<typeof DreamTrainerConfig> {}
