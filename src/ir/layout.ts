// What the user's hooks ask of the layout beside the degrees of the mesh: evaluation writes it down, and the phases after
// it act on it. Everything here has a default that is right for every program.

import type { Axis } from "./placement.js";
import type { State } from "./state.js";
import type { DType } from "./tensor-type.js";

/** What a plan says of a value: per axis the dim that it splits, or null for none. Axes that are not named follow the inputs. */
export type Mark = { readonly [A in Axis]?: number | null };

/** The mark of a value whose dims are numbered otherwise. */
export const markWith = (mark: Mark, dimOf: (dim: number) => number): Mark =>
  Object.fromEntries(
    Object.entries(mark).map(([axis, dim]) => [axis, dim === null || dim === undefined ? dim : dimOf(dim)]),
  );

/** How a plan says that a value comes to a mark. One that comes split along another dim is a fault of the plan. */
export interface Arrival {
  readonly at: Mark;
  /** It is a fault too if it comes whole. */
  readonly mustBeSplit: boolean;
}

/** FSDP: parameters that are gathered together before the module runs, and whose gradients are scattered together. */
export interface ShardUnit {
  /** The module's path. With stars for numbers (`model.blocks.*`): one such unit for each of these modules. */
  readonly path: string;
  /** Those of every module that the path stands for. */
  readonly states: readonly State[];
  /** Whether the gathered parameters are freed after forward and gathered again for backward. */
  readonly reshardAfterForward: boolean;
  /** The element type in which gradients are summed over ranks. */
  readonly reduceDtype: DType;
}

/** How the stages of a pipeline take turns. */
export type PipelineSchedule = "gpipe" | "1f1b" | "interleaved1f1b";

export interface PipelineRequest {
  /** Per stage, from first to last, the paths of its modules. Null: balanced by cost. */
  readonly stages: readonly (readonly string[])[] | null;
  readonly schedule: PipelineSchedule;
  /** Parts of a batch that go through the stages one behind the other. */
  readonly numMicrobatches: number;
  /** Stages that one rank holds, for interleaved schedules; else 1. */
  readonly stagesPerRank: number;
}

/** How keys and values get to the queries under context parallelism, by PyTorch's names: around a ring, or gathered. */
export type RotateMethod = "alltoall" | "allgather";

export interface Layout {
  /** Tensor parallel: how parameters and buffers are split while modules use them. What is not named is whole. */
  readonly uses: ReadonlyMap<State, Mark>;
  /** By the name of a mark (see the op record): where the marked value lies. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** By the name of a mark: what the plan says of the value before it. */
  readonly arrivals: ReadonlyMap<string, Arrival>;
  /** Null: every parameter is sharded, by repeated module. What is in no unit rests as it is used. */
  readonly shardUnits: readonly ShardUnit[] | null;
  /** How many units ahead of their use gathers begin. */
  readonly prefetch: number;
  /** Products and the collectives beside them are split into pieces that overlap. */
  readonly asyncTensorParallel: boolean;
  readonly rotateMethod: RotateMethod;
  /** Sequences are dealt to context-parallel ranks in head and tail pieces, so that causal masks leave all the same work. */
  readonly balancesSequence: boolean;
  readonly pipeline: PipelineRequest | null;
  /** Paths of modules (in a repeat with a star) whose insides are computed again in backward instead of kept. */
  readonly recomputed: readonly string[];
  /** Bytes that a rank's arena may take: more modules are recomputed until it fits. Null: no limit. */
  readonly memoryBudget: number | null;
  /** Optimizer state rests in host memory and is brought in for updates. */
  readonly offloadsOptimizer: boolean;
  /** FSDP: gradients of microbatches add up whole on each rank, with no collective until the last, instead of in shards. */
  readonly accumulatesWhole: boolean;
  /** Off: one kernel per op, for debugging. */
  readonly fusesKernels: boolean;
}

export const defaultLayout: Layout = {
  uses: new Map(),
  marks: new Map(),
  arrivals: new Map(),
  shardUnits: null,
  prefetch: 1,
  asyncTensorParallel: false,
  rotateMethod: "alltoall",
  balancesSequence: true,
  pipeline: null,
  recomputed: [],
  memoryBudget: null,
  offloadsOptimizer: false,
  accumulatesWhole: false,
  fusesKernels: true,
};
