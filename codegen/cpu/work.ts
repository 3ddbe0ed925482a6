// How much work a kernel does, and how loops over it are shared among threads: what is little stays in one thread.
import type { Amount } from "../../src/ir/scheduled.js";
import { constantOf, product } from "../kernel/amount.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopVariable, LoopWriter } from "../kernel/loop-writer.js";
import { indexName, writeIndices } from "../kernel/nests.js";
import { nodesBelow, type ScalarNode } from "../kernel/scalar-node.js";
import { costOf } from "../kernel/scalar-text.js";

/** Additions for one element: each value once, and each element read. */
export const costPerElement = (roots: readonly ScalarNode[]): number =>
  nodesBelow(roots).reduce(
    (cost, node) => cost + (node.kind === "apply" ? costOf(node.fn) : node.kind === "input" ? 1 : 0),
    1,
  );

/** So many elements are worth a thread: about ten microseconds of work. */
export const grainFor = (cost: number): number => {
  const elements = 65536 / cost;
  return 2 ** Math.round(Math.log2(Math.min(16384, Math.max(1024, elements))));
};

/** A loop that threads share: over each index of some loops, or over blocks. */
export interface SharedLoop {
  readonly count: Amount;
  /** Iterations that one thread should at least have. */
  readonly grain: number;
  readonly name: string;
  readonly variables: readonly LoopVariable[];
  /** Arrays of the function that the threads write. */
  readonly references: readonly string[];
}

/** Writes a shared loop; without threads where it is short, without a loop where it has one round. */
export function writeShared(w: LoopWriter, loop: SharedLoop, body: () => void): void {
  const count = constantOf(loop.count);
  const countText = w.facts.amountText(loop.count, `${loop.name}Count`);
  if (count !== null && count <= loop.grain) {
    w.block(
      [`for (std::int64_t ${loop.name} = 0; ${loop.name} < ${countText}; ++${loop.name}) {`],
      loop.variables,
      body,
    );
    return;
  }
  const captures = ["=", ...loop.references.map((name) => `&${name}`)].join(", ");
  w.block(
    [
      `dream::parallelFor(${countText}, ${loop.grain}, [${captures}](std::int64_t begin, std::int64_t end) {`,
      `for (std::int64_t ${loop.name} = begin; ${loop.name} < end; ++${loop.name}) {`,
    ],
    loop.variables,
    body,
    "});",
  );
}

/**
 * Writes loops over all indices of some letters as one loop that threads share. Its running index is taken apart where
 * there are several letters. No letters: the body alone.
 */
export function writeSharedLetters(
  w: LoopWriter,
  loops: readonly LoopLetter[],
  workPerPoint: number,
  grain: number,
  body: () => void,
): void {
  if (loops.length === 0) {
    body();
    return;
  }
  const count = product(
    loops.map(({ size }) => size),
    loops[0]!.size.map(() => 1),
  );
  const points = Math.max(1, Math.ceil(grain / workPerPoint));
  if (loops.length === 1) {
    const name = indexName(w, loops[0]!, "row");
    writeShared(w, { count, grain: points, name, variables: [{ name, loop: loops[0]! }], references: [] }, body);
    return;
  }
  const item = w.declareIndex("item");
  const variables = loops.map((loop, i) => ({ name: indexName(w, loop, i === 0 ? "row" : "column"), loop }));
  writeShared(w, { count, grain: points, name: item, variables, references: [] }, () => {
    writeIndices(w, item, variables);
    body();
  });
}
