// Sums of many rows of few columns, such as the gradient of a bias: threads share blocks of rows, each block has results of
// its own, and these are added in the order of the blocks. Blocks depend on the sizes alone.
import { dividedUp, fixedAmount, largest } from "../kernel/amount.js";
import type { ColumnLoops } from "../kernel/choose-loops.js";
import { guardReads } from "../kernel/guard-reads.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopWriter } from "../kernel/loop-writer.js";
import { indexName, numPoints, writeNest } from "../kernel/nests.js";
import { growResult, startOf, typeOfResult } from "../kernel/reduction-text.js";
import { cppValueTypes } from "../kernel/scalar-text.js";
import type { Stages } from "../kernel/stages.js";
import { writeStores } from "../kernel/stores.js";
import { columnLoop, writePoint } from "./columns.js";
import { costPerElement, grainFor, writeShared } from "./work.js";

/** Whether the rows should be shared among threads instead: one stage, many rows, few columns. */
export const areFewColumns = ({ outer, column, inner }: ColumnLoops, { stages }: Stages): boolean =>
  outer.length === 0 &&
  stages.length === 1 &&
  largest(column.size) <= 8192 &&
  largest(inner[0]!.size) >= 64 &&
  numPoints(inner) * largest(column.size) >= 32768;

/** Bytes of all blocks' results on the stack. */
const mostBytes = 512 * 1024;
const mostBlocks = 16;

/** Blocks of rows, each with its own results, which are added in the order of the blocks. */
export function writeBlocksOfColumns(w: LoopWriter, { column, inner }: ColumnLoops, all: Stages): void {
  const { stages: guarded, safe } = guardReads(all, column);
  const stage = guarded.stages[0]!;
  const [cut, ...rest] = inner as [LoopLetter, ...LoopLetter[]];
  const numColumns = largest(column.size);
  const room = Math.floor(mostBytes / (8 * numColumns * stage.reduces.length));
  const numBlocks = Math.max(1, Math.min(mostBlocks, room));
  const rowsOfBlock = dividedUp(cut.size, numBlocks);
  const width = w.facts.amountText(column.size, "numColumns");
  const index = w.declare("column");
  const overColumns = columnLoop(w, column, index, width);
  const passes = stage.reduces.map((pass) => ({
    pass,
    parts: w.declare(`${pass.name}Parts`),
    name: w.declare(pass.name),
  }));
  if (stage.before.length > 0) overColumns(() => writeStores(w, stage.before, safe));
  for (const { pass, parts } of passes)
    w.line(`${cppValueTypes[typeOfResult(pass)]} ${parts}[${numBlocks}][${numColumns}];`);
  const block = w.declareIndex("block");
  const shared = {
    count: fixedAmount(numBlocks, column.size),
    grain: Math.max(1, Math.floor(grainFor(costPerElement(guarded.roots)) / numColumns / largest(rowsOfBlock))),
    name: block,
    variables: [],
    references: passes.map(({ parts }) => parts),
  };
  writeShared(w, shared, () => {
    const [first, last] = [w.declare("first"), w.declare("last")];
    const rows = w.facts.amountText(rowsOfBlock, "rowsOfBlock");
    w.line(`const std::int64_t ${first} = ${block} * ${rows};`);
    w.line(
      `const std::int64_t ${last} = std::min<std::int64_t>(${first} + ${rows}, ${w.facts.amountText(cut.size, "numRows")});`,
    );
    for (const { pass, parts, name } of passes) {
      w.line(`${cppValueTypes[typeOfResult(pass)]}* const ${name} = ${parts}[${block}];`);
      w.line(`std::fill_n(${name}, ${width}, ${startOf(pass)});`);
    }
    const row = indexName(w, cut, "row");
    w.block([`for (std::int64_t ${row} = ${first}; ${row} < ${last}; ++${row}) {`], [{ name: row, loop: cut }], () =>
      writeNest(w, rest, null, () => overColumns(() => writePoint(w, stage, passes, index, safe))),
    );
  });
  w.block([`for (std::int64_t ${block} = 1; ${block} < ${numBlocks}; ++${block}) {`], [], () =>
    overColumns(() => {
      for (const { pass, parts } of passes) {
        w.line(growResult(pass, `${parts}[0][${index}]`, `${parts}[${block}][${index}]`));
      }
    }),
  );
  for (const { pass, parts } of passes) w.setResult(pass.result, `${parts}[0][${index}]`, index);
  if (guarded.after.length > 0) overColumns(() => writeStores(w, guarded.after, safe));
}
