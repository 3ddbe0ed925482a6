// Placements by PyTorch's names: how a tensor lies on one axis of a mesh.

/** Each rank of the axis holds its part of one dim; negative dims count from the end. */
export interface ShardPlacement {
  readonly kind: "shard";
  readonly dim: number;
}
/** Every rank of the axis holds all of it. */
export interface ReplicatePlacement {
  readonly kind: "replicate";
}
/** Every rank of the axis holds a term: the tensor is their sum. */
export interface PartialPlacement {
  readonly kind: "partial";
}
/** How a tensor lies on one axis of a mesh. */
export type Placement = ShardPlacement | ReplicatePlacement | PartialPlacement;

/** Split along `dim`; sizes that do not divide are rounded up, and the last ranks hold less. */
export const Shard = (dim: number): ShardPlacement => ({ kind: "shard", dim });
/** Whole on every rank. */
export const Replicate = (): ReplicatePlacement => ({ kind: "replicate" });
/** A sum not yet taken. Values that leave a module are never kept so: they are summed where a plan asks for another placement. */
export const Partial = (): PartialPlacement => ({ kind: "partial" });
