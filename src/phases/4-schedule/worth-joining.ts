// When joining pays: bytes that kernels need not move, against work that they would do again.
import { numBytesOf } from "../../ir/tensor-type.js";
import { most, product } from "./amounts.js";
import { type Group, isElementwise } from "./groups.js";
import type { Link } from "./match.js";
import { hasScalar, scalarOf } from "./scalars.js";
import type { KernelPiece, Scalar, Tensor } from "./work.js";

export const bytesOf = (tensor: Tensor, numVariants: number): number =>
  most(product(tensor.shape, numVariants)) * numBytesOf[tensor.dtype];

/** Next to no work and next to nothing to read: constants, places, what is repeated. */
export function isTrivial(piece: KernelPiece, tensor: Tensor, numVariants: number): boolean {
  if (!isElementwise(piece) || piece.flops > 4) return false;
  const read = piece.reads.reduce((n, { view }) => n + bytesOf(view.tensor, numVariants), 0);
  return piece.reads.length === 0 || read * 8 <= bytesOf(tensor, numVariants);
}

/** Smaller tensors are in the cache when they are read again. */
export const leastShared = 1 << 18;
/** Work per element, in additions, that may be done again. */
export const cheapWork = 6;

/** Work per element that is worth a store and a load for each time that it is not done again. */
const worthStoring = 8;

/** Whether a reduction would compute what it reads in several walks over its rows, and that is much. */
export function repeatsWork(maker: Group, reader: Group, links: readonly Link[]): boolean {
  if (maker.inner.length > 0 || reader.inner.length === 0) return false;
  const work = maker.members.reduce((n, { piece }) => n + piece.flops, 0);
  if (work <= worthStoring) return false;
  const tensors = new Set(links.map(({ tensor }) => tensor));
  const walks = reader.members.reduce((n, { piece }) => {
    if (piece.inner.length === 0) return n;
    const isRead = (each: Scalar): boolean =>
      each.kind === "input" && tensors.has(piece.reads[each.input]!.view.tensor);
    return n + piece.passes.filter((pass) => pass.kind !== "let" && hasScalar(scalarOf(pass), isRead)).length;
  }, 0);
  return walks > 1;
}
