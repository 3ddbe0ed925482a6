// Kernels that visit every element once: one flat loop where all operands lie alike, else loops whose innermost letter is
// the one that most operands have element by element.
import { constantOf, dividedUp, largest, times } from "../kernel/amount.js";
import { guardReads } from "../kernel/guard-reads.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopWriter } from "../kernel/loop-writer.js";
import { indexName, numPoints, writeIndices, writeNest } from "../kernel/nests.js";
import type { Stages } from "../kernel/stages.js";
import { writeStores } from "../kernel/stores.js";
import { costPerElement, grainFor, writeShared, writeSharedLetters } from "./work.js";

/** Rows that are enough for any number of threads; fewer and long ones are cut. */
const manyRows = 64;
const longRow = 8192;
const pieceOfRow = 4096;

export function writeElementwise(w: LoopWriter, merged: readonly LoopLetter[], stages: Stages): void {
  const innermost = merged.at(-1);
  if (!innermost) {
    writeStores(w, stages.after, new Set());
    return;
  }
  const { stages: guarded, safe } = guardReads(stages, innermost);
  const stores = (): void => writeStores(w, guarded.after, safe);
  const grain = grainFor(costPerElement(guarded.roots));
  const outer = merged.slice(0, -1);
  if (outer.length === 0) writeFlat(w, innermost, grain, stores);
  else if (numPoints(outer) < manyRows && largest(innermost.size) >= longRow) {
    writePieces(w, outer, innermost, grain, stores);
  } else {
    const shared = outer.slice(0, numShared(outer));
    const inside = merged.slice(shared.length);
    writeSharedLetters(w, shared, numPoints(inside), grain, () => writeNest(w, inside, "#pragma omp simd", stores));
  }
}

/** Outer letters that are shared among threads: as few as give enough rounds. */
function numShared(outer: readonly LoopLetter[]): number {
  for (let count = 1; count < outer.length; count++) if (numPoints(outer.slice(0, count)) >= manyRows) return count;
  return outer.length;
}

function writeFlat(w: LoopWriter, loop: LoopLetter, grain: number, body: () => void): void {
  const count = constantOf(loop.size);
  if (count !== null && count <= grain) {
    writeNest(w, [loop], "#pragma omp simd", body);
    return;
  }
  const name = indexName(w, loop, "i");
  w.block(
    [
      `dream::parallelFor(${w.facts.amountText(loop.size, "count")}, ${grain}, [=](std::int64_t begin, std::int64_t end) {`,
      "#pragma omp simd",
      `for (std::int64_t ${name} = begin; ${name} < end; ++${name}) {`,
    ],
    [{ name, loop }],
    body,
    "});",
  );
}

/** Few long rows: threads share pieces of them. */
function writePieces(
  w: LoopWriter,
  outer: readonly LoopLetter[],
  innermost: LoopLetter,
  grain: number,
  body: () => void,
): void {
  const pieces: LoopLetter = {
    letters: [],
    size: dividedUp(innermost.size, pieceOfRow),
    strides: innermost.strides.map((stride) => stride.map(() => 0)),
  };
  const item = w.declareIndex("item");
  const variables = [...outer, pieces].map((loop, i) => ({
    name: i === outer.length ? w.declareIndex("piece") : indexName(w, loop, "row"),
    loop,
  }));
  const count = outer.reduce((n, { size }) => times(n, size), pieces.size);
  const rounds = Math.max(1, Math.floor(grain / pieceOfRow));
  writeShared(w, { count, grain: rounds, name: item, variables, references: [] }, () => {
    writeIndices(w, item, variables);
    const size = w.facts.amountText(innermost.size, "rowSize");
    const [first, last] = [w.declare("first"), w.declare("last")];
    w.line(`const std::int64_t ${first} = ${variables.at(-1)!.name} * ${pieceOfRow};`);
    w.line(`const std::int64_t ${last} = std::min<std::int64_t>(${first} + ${pieceOfRow}, ${size});`);
    const name = indexName(w, innermost, "i");
    const header = `for (std::int64_t ${name} = ${first}; ${name} < ${last}; ++${name}) {`;
    w.block(["#pragma omp simd", header], [{ name, loop: innermost }], body);
  });
}
