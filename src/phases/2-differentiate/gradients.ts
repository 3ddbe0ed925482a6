// Gradients under way: the terms that have arrived for each value, added up in the order in which they came.
import type { BlockBuilder } from "../../ir/build.js";
import type { LogicalValue } from "../../ir/graph.js";
import { isFloat } from "../../ir/tensor-type.js";
import { add, constant } from "../../ops/table.js";

export class Gradients {
  private readonly totals = new Map<number, LogicalValue>();
  constructor(private readonly block: BlockBuilder) {}

  /** A new term of the gradient of `of`. */
  arrive(of: LogicalValue, term: LogicalValue | null): void {
    if (term === null || !isFloat(of.type.dtype)) return;
    const before = this.totals.get(of.id);
    const total = before ? this.block.emit(add, [before, term], {}, { gradientOf: of.id })[0]! : term;
    this.totals.set(of.id, total);
  }
  /** Null where no gradient has arrived. */
  of(value: LogicalValue): LogicalValue | null {
    return this.totals.get(value.id) ?? null;
  }
  /** Zeros where no gradient has arrived. */
  orZero(value: LogicalValue): LogicalValue {
    return this.of(value) ?? zeroLike(this.block, value);
  }
}

export const zeroLike = (block: BlockBuilder, { id, type }: LogicalValue): LogicalValue =>
  block.emit(constant, [], { shape: type.shape, dtype: type.dtype, value: 0 }, { gradientOf: id })[0]!;
