// Where tensors and parameters lie on an axis: what parallel styles are made of, and what users write their own with.
import { markTensor, splitState } from "../services.js";
import type { Buffer, Parameter, Tensor } from "../tensor.js";
import type { DeviceMesh } from "./device-mesh.js";
import type { Placement } from "./placements.js";

/** The dim that a placement splits, or null; negative dims are counted from the end of `numDims`. */
function splitDim(placement: Placement, numDims: number): number | null {
  if (placement.kind === "partial")
    throw new Error("a tensor cannot be asked to lie as Partial(): ask for Shard(dim) or Replicate()");
  if (placement.kind === "replicate") return null;
  const dim = placement.dim < 0 ? placement.dim + numDims : placement.dim;
  if (dim < 0 || dim >= numDims) throw new Error(`Shard(${placement.dim}) of a tensor of ${numDims} dims`);
  return dim;
}

/**
 * The same tensor, lying on the mesh's axis as `placement` says from here on: what that takes is dreamc's business.
 * `from`: how it is said to come; a tensor that comes split along another dim is an error.
 */
export function redistribute(
  tensor: Tensor,
  mesh: DeviceMesh,
  placement: Placement,
  { from = null }: { from?: Placement | null } = {},
): Tensor {
  const comes = from === null || from.kind === "partial" ? undefined : splitDim(from, tensor.ndim);
  return markTensor(tensor, mesh.axis, splitDim(placement, tensor.ndim), comes);
}

/** Splits a parameter or buffer over the mesh's axis while modules use it. It stays one tensor with its whole shape. */
export function distributeTensor<T extends Parameter | Buffer>(tensor: T, mesh: DeviceMesh, placement: Placement): T {
  splitState(tensor, mesh.axis, splitDim(placement, tensor.ndim));
  return tensor;
}
