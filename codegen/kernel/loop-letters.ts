// The letters of a kernel as loops: letters of one place go, neighbours that all operands walk through as one become
// one. The order of outer letters is free, and so is that of the inner ones.
import type { Amount, Kernel } from "../../src/ir/scheduled.js";
import { fixedAmount, isAlways, largest, sameAmount, times } from "./amount.js";
import { nodesBelow, type ScalarNode } from "./scalar-node.js";

/** One loop. */
export interface LoopLetter {
  /** The kernel's letters that it walks through, outermost first. */
  readonly letters: readonly string[];
  readonly size: Amount;
  /** Of each operand, in elements. */
  readonly strides: readonly Amount[];
}

/** The loops of some letters of a kernel, not merged, without those of one place. */
export function loopLetters(kernel: Kernel, letters: Kernel["outer"]): readonly LoopLetter[] {
  return letters
    .filter(({ size }) => !isAlways(size, 1))
    .map(({ letter, size }) => ({
      letters: [letter],
      size,
      strides: kernel.operands.map(({ strides }) => strides[letter] ?? fixedAmount(0, size)),
    }));
}

/** Letters whose index a scalar needs: they stay loops of their own. */
export const indexedLetters = (roots: readonly ScalarNode[]): ReadonlySet<string> =>
  new Set(nodesBelow(roots).flatMap((node) => (node.kind === "index" ? [node.letter] : [])));

/** Loops in the order of an operand's memory, the widest steps outside; `last`, if given, innermost. */
export function inMemoryOrder(
  loops: readonly LoopLetter[],
  operand: number,
  last: LoopLetter | null,
): readonly LoopLetter[] {
  const others = loops.filter((loop) => loop !== last);
  const sorted = others.toSorted((a, b) => largest(b.strides[operand]!) - largest(a.strides[operand]!));
  return last ? [...sorted, last] : sorted;
}

/** Neighbouring loops become one where no operand can tell and no scalar asks for their indices. */
export function mergeLoops(loops: readonly LoopLetter[], indexed: ReadonlySet<string>): readonly LoopLetter[] {
  const merged: LoopLetter[] = [];
  for (const inner of loops) {
    const outer = merged.at(-1);
    const isIndexed = (loop: LoopLetter): boolean => loop.letters.some((letter) => indexed.has(letter));
    const isOneWalk =
      outer !== undefined &&
      !isIndexed(outer) &&
      !isIndexed(inner) &&
      inner.strides.every((stride, k) => sameAmount(outer.strides[k]!, times(stride, inner.size)));
    if (!isOneWalk) merged.push(inner);
    else {
      merged[merged.length - 1] = {
        letters: [...outer.letters, ...inner.letters],
        size: times(outer.size, inner.size),
        strides: inner.strides,
      };
    }
  }
  return merged;
}

/** Letters along which some operand is read element by element at a computed place, `x(f(n), c)`: how many operands. */
export function contiguousReads(kernel: Kernel, roots: readonly ScalarNode[]): ReadonlyMap<string, number> {
  const operands = new Map<string, Set<number>>();
  for (const node of nodesBelow(roots)) {
    if (node.kind !== "input" || !node.at) continue;
    const { atStrides } = kernel.operands[node.operand]!;
    node.at.forEach((index, d) => {
      if (index.kind !== "index" || !isAlways(atStrides[d]!, 1)) return;
      operands.set(index.letter, (operands.get(index.letter) ?? new Set()).add(node.operand));
    });
  }
  return new Map([...operands].map(([letter, { size }]) => [letter, size]));
}

/** The loop along which most operands lie element by element, or null if none does along any. Larger ones win ties. */
export function contiguousLoop(
  loops: readonly LoopLetter[],
  weights: readonly number[],
  reads: ReadonlyMap<string, number>,
): { readonly loop: LoopLetter; readonly score: number } | null {
  let best: { loop: LoopLetter; score: number } | null = null;
  for (const loop of loops) {
    const computed = loop.letters.reduce((sum, letter) => sum + (reads.get(letter) ?? 0), 0);
    const score = loop.strides.reduce((sum, stride, k) => sum + (isAlways(stride, 1) ? weights[k]! : 0), computed);
    if (score === 0) continue;
    const isBetter =
      !best || score > best.score || (score === best.score && largest(loop.size) > largest(best.loop.size));
    if (isBetter) best = { loop, score };
  }
  return best;
}
