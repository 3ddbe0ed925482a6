// The kind of loops that fits a kernel's letters and memory: all elements alike, reductions along memory or across it.
import type { Kernel } from "../../src/ir/scheduled.js";
import {
  contiguousLoop,
  contiguousReads,
  indexedLetters,
  inMemoryOrder,
  type LoopLetter,
  loopLetters,
  mergeLoops,
} from "./loop-letters.js";
import type { Stages } from "./stages.js";

export interface ReductionLoops {
  readonly outer: readonly LoopLetter[];
  readonly inner: readonly LoopLetter[];
}
export interface ColumnLoops {
  /** Outer letters without the one that lies element by element. */
  readonly outer: readonly LoopLetter[];
  readonly column: LoopLetter;
  /** The letters that are reduced. */
  readonly inner: readonly LoopLetter[];
}

export type Loops =
  /** Every element once: one flat loop where all operands lie alike, else the one that most have element by element innermost. */
  | { readonly kind: "elements"; readonly loops: readonly LoopLetter[]; readonly stages: Stages }
  /** The elements of a sum lie element by element. */
  | ({ readonly kind: "rows"; readonly stages: Stages } & ReductionLoops)
  /** The elements of a sum lie a row apart, those of neighbouring sums side by side. */
  | ({ readonly kind: "columns"; readonly stages: Stages } & ColumnLoops);

export function chooseLoops(kernel: Kernel, stages: Stages): Loops {
  const indexed = indexedLetters(stages.roots);
  const reads = contiguousReads(kernel, stages.roots);
  const flat = withoutReductions(stages);
  if (flat) {
    const written = kernel.operands.findIndex(({ role }) => role !== "read");
    const loops = loopLetters(kernel, [...kernel.outer, ...kernel.inner]);
    const weights = kernel.operands.map(({ role }) => (role === "read" ? 1 : 2));
    const ordered = inMemoryOrder(loops, written, contiguousLoop(loops, weights, reads)?.loop ?? null);
    return { kind: "elements", loops: mergeLoops(ordered, indexed), stages: flat };
  }
  const weights = kernel.operands.map(({ role, strides }) => (role === "write" ? 0 : Object.keys(strides).length));
  const outer = loopLetters(kernel, kernel.outer);
  const inner = loopLetters(kernel, kernel.inner);
  const main = mainOperand(kernel, weights);
  const along = contiguousLoop(inner, weights, reads);
  const across = contiguousLoop(outer, weights, reads);
  if (across && (!along || across.score > along.score)) {
    const ordered = mergeLoops(inMemoryOrder(outer, main, across.loop), indexed);
    return {
      kind: "columns",
      stages,
      outer: ordered.slice(0, -1),
      column: ordered.at(-1)!,
      inner: mergeLoops(inMemoryOrder(inner, main, null), indexed),
    };
  }
  return {
    kind: "rows",
    stages,
    outer: mergeLoops(inMemoryOrder(outer, main, null), indexed),
    inner: mergeLoops(inMemoryOrder(inner, main, along?.loop ?? null), indexed),
  };
}

/** Stages that reduce nothing as stores over all letters alike; null where some are for the outer letters alone. */
function withoutReductions(stages: Stages): Stages | null {
  const [stage, ...others] = stages.stages;
  if (!stage) return stages;
  const isFlat = others.length === 0 && stage.reduces.length === 0;
  if (!isFlat || stage.before.length > 0 || stages.after.length > 0) return null;
  return { ...stages, stages: [], after: stage.stores };
}

/** The operand whose memory says the order of loops: the one read along most letters. */
function mainOperand(kernel: Kernel, weights: readonly number[]): number {
  const most = Math.max(...weights);
  return most > 0 ? weights.indexOf(most) : kernel.operands.findIndex(({ role }) => role !== "read");
}
