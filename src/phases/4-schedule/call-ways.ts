// Whether a call can take its operands as they lie, and the way to make it that copies the fewest bytes.
import type { Amount } from "../../ir/scheduled.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { is, most, sameAmount, times } from "./amounts.js";
import type { Layouts } from "./choose-layouts.js";
import type { CallJob, CallJobOperand, CallWay, Part } from "./work.js";

/** The stride of each group, or null where the operand cannot be handed over as it lies. */
export function callStrides(
  { groups, unit }: Pick<CallJobOperand, "groups" | "unit">,
  layout: readonly Amount[],
  numVariants: number,
): readonly Amount[] | null {
  const strides: Amount[] = [];
  let hasUnit = unit.length === 0;
  for (const { group, parts } of groups) {
    let stride: Amount | null = null;
    let size: Amount | null = null;
    for (const part of [...parts].reverse()) {
      if (part.dim < 0) return null;
      const own = times(part.step, layout[part.dim]!);
      if (stride === null || size === null) stride = own;
      else if (!sameAmount(own, times(stride, size))) return null;
      size = size === null ? part.size : times(size, part.size);
    }
    // A group of one place may have any stride.
    const known: Amount = stride ?? new Array<number>(numVariants).fill(1);
    if (unit.includes(group) && is(known, 1)) hasUnit = true;
    strides.push(known);
  }
  return hasUnit ? strides : null;
}

/** Bytes that must be copied to make the call in this way. */
export const copiedBytes = ({ operands }: CallWay, layouts: Layouts, numVariants: number): number =>
  operands.reduce(
    (n, operand) => (callStrides(operand, layouts(operand.view.tensor), numVariants) ? n : n + bytesOf(operand)),
    0,
  );

const bytesOf = ({ view }: CallJobOperand): number =>
  view.shape.reduce((n, size) => n * most(size), 1) * numBytesOf[view.tensor.dtype];

export function bestWay({ ways }: CallJob, layouts: Layouts, numVariants: number): CallWay {
  let [best] = ways as [CallWay];
  let least = copiedBytes(best, layouts, numVariants);
  for (const way of ways.slice(1)) {
    if (least === 0) break;
    const bytes = copiedBytes(way, layouts, numVariants);
    if (bytes < least) [best, least] = [way, bytes];
  }
  return best;
}

/** Orders of the dims in which an operand could be handed over: its groups in their order, one of its unit groups last. */
export function wishedOrders({ groups, unit }: CallJobOperand, numDims: number): readonly number[][] {
  const dimsOf = (parts: readonly Part[]): readonly number[] => parts.map(({ dim }) => dim).filter((dim) => dim >= 0);
  const lasts = groups.filter(({ group }) => unit.includes(group));
  return (lasts.length === 0 ? [null] : lasts).map((last) => {
    const list = [...groups.filter((group) => group !== last), ...(last ? [last] : [])];
    const wished = [...new Set(list.flatMap(({ parts }) => dimsOf(parts)))];
    const others = Array.from({ length: numDims }, (_, dim) => dim).filter((dim) => !wished.includes(dim));
    return [...others, ...wished];
  });
}
