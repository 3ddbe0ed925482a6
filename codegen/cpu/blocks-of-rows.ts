// Few long rows, such as the sum of a whole tensor: each row is cut into blocks whose results are combined in the order of
// the blocks. Blocks depend on the row's size alone, so the result does not depend on the number of threads.
import { dividedUp, largest } from "../kernel/amount.js";
import type { ReductionLoops } from "../kernel/choose-loops.js";
import { guardReads } from "../kernel/guard-reads.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopWriter } from "../kernel/loop-writer.js";
import { indexName, numPoints, writeNest } from "../kernel/nests.js";
import { declareResult, growResult, typeOfResult } from "../kernel/reduction-text.js";
import type { ScalarNode } from "../kernel/scalar-node.js";
import { cppValueTypes } from "../kernel/scalar-text.js";
import type { Stage, Stages } from "../kernel/stages.js";
import { writeStageBody } from "../kernel/stores.js";
import { simdPragma } from "./reductions.js";
import { writeStages } from "./rows.js";
import { costPerElement, grainFor, writeShared } from "./work.js";

const elementsOfBlock = 8192;
/** Results of blocks lie on the stack. */
const mostBlocks = 4096;

export function writeBlocksOfRows(w: LoopWriter, { outer, inner }: ReductionLoops, all: Stages): void {
  const { stages, safe } = guardReads(all, inner.at(-1)!);
  const grain = grainFor(costPerElement(stages.roots));
  writeNest(w, outer, null, () => {
    writeStages(w, stages, safe, (stage) => writeStage(w, inner, stage, grain, safe));
  });
}

function writeStage(
  w: LoopWriter,
  inner: readonly LoopLetter[],
  stage: Stage,
  grain: number,
  safe: ReadonlySet<ScalarNode>,
): void {
  const [cut, ...rest] = inner as [LoopLetter, ...LoopLetter[]];
  const rounds = Math.ceil(Math.max(1, elementsOfBlock / numPoints(rest), largest(cut.size) / mostBlocks));
  const count = dividedUp(cut.size, rounds);
  const passes = stage.reduces.map((pass) => ({
    pass,
    parts: w.declare(`${pass.name}Parts`),
    name: w.declare(pass.name),
  }));
  for (const { pass, parts } of passes) w.line(`${cppValueTypes[typeOfResult(pass)]} ${parts}[${largest(count)}];`);
  const block = w.declareIndex("block");
  const shared = {
    count,
    grain: Math.max(1, Math.floor(grain / (rounds * numPoints(rest)))),
    name: block,
    variables: [],
    references: passes.map(({ parts }) => parts),
  };
  writeShared(w, shared, () => {
    const [first, last] = [w.declare("first"), w.declare("last")];
    const size = w.facts.amountText(cut.size, "rowSize");
    w.line(`const std::int64_t ${first} = ${block} * ${rounds};`);
    w.line(`const std::int64_t ${last} = std::min<std::int64_t>(${first} + ${rounds}, ${size});`);
    for (const { pass, name } of passes) w.line(declareResult(pass, name));
    const pragma = simdPragma(passes);
    const index = indexName(w, cut, "i");
    const header = `for (std::int64_t ${index} = ${first}; ${index} < ${last}; ++${index}) {`;
    w.block(rest.length === 0 ? [pragma, header] : [header], [{ name: index, loop: cut }], () =>
      writeNest(w, rest, pragma, () => writeStageBody(w, stage, passes, safe)),
    );
    for (const { name, parts } of passes) w.line(`${parts}[${block}] = ${name};`);
  });
  if (passes.length === 0) return;
  const numBlocks = w.facts.amountText(count, "numBlocks");
  for (const { pass, name } of passes) w.line(declareResult(pass, name));
  w.block([`for (std::int64_t ${block} = 0; ${block} < ${numBlocks}; ++${block}) {`], [], () => {
    for (const { pass, name, parts } of passes) w.line(growResult(pass, name, `${parts}[${block}]`));
  });
  for (const { pass, name } of passes) w.setResult(pass.result, name);
}
