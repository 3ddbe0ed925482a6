// What users spread programs with.
export { applyActivationCheckpointing, checkpoint } from "./checkpoint.js";
export { DeviceMesh, type MeshAxis, type MeshDegrees } from "./device-mesh.js";
export { type FullyShardOptions, fullyShard, replicate } from "./fully-shard.js";
export {
  ColwiseParallel,
  type Layouts,
  type ParallelStyle,
  PrepareModuleInput,
  PrepareModuleOutput,
  RowwiseParallel,
  SequenceParallel,
} from "./parallel-styles.js";
export { type ParallelPlan, parallelizeModule } from "./parallelize-module.js";
export { type Pipeline, type PipelineOptions, type PipelineSchedule, pipelineParallel } from "./pipeline.js";
export {
  Partial,
  type PartialPlacement,
  type Placement,
  Replicate,
  type ReplicatePlacement,
  Shard,
  type ShardPlacement,
} from "./placements.js";
export { distributeTensor, redistribute } from "./redistribute.js";
