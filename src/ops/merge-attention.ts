// Attention over some keys and over others becomes attention over all of them: each result counts as much as its
// normaliser says (the log-sum-exp merge). A row that sees no key, in one part or in both, has normaliser -inf.
import type { LogicalValue } from "../ir/graph.js";
import { maximum } from "./elementwise-binary.js";
import { arithmetic, exp, log } from "./elementwise-unary.js";
import { cast } from "./layout.js";
import type { Emitter } from "./op.js";
import { emitOne } from "./record.js";
import { spread } from "./reductions.js";

/** Stands for the largest normaliser where both are -inf, so that no difference of infinities is taken. */
const bottom = -1e30;

export function mergeAttention(
  g: Emitter,
  [outA, lseA]: readonly LogicalValue[],
  [outB, lseB]: readonly LogicalValue[],
): readonly LogicalValue[] {
  const c = arithmetic(g);
  const { shape, dtype } = outA!.type;
  const top = c.apply(maximum, c.apply(maximum, lseA!, lseB!), c.number(lseA!, bottom));
  const [weightA, weightB] = [c.apply(exp, c.minus(lseA!, top)), c.apply(exp, c.minus(lseB!, top))];
  const total = c.plus(weightA, weightB);
  // It is at least 1 but where both are 0.
  const divisor = c.apply(maximum, total, c.number(total, 0.5));
  const float = (value: LogicalValue): LogicalValue =>
    value.type.dtype === "f32" ? value : emitOne(g, cast, [value], { dtype: "f32" });
  const part = (out: LogicalValue, weight: LogicalValue): LogicalValue =>
    c.times(float(out), spread(g, c.over(weight, divisor), shape, [shape.length - 1]));
  const out = c.plus(part(outA!, weightA), part(outB!, weightB));
  return [dtype === "f32" ? out : emitOne(g, cast, [out], { dtype }), c.plus(top, c.apply(log, total))];
}
