// Reductions along memory: each thread has rows of its own, and each row is walked once for every stage. A row's result
// is made by one thread in one order, so it does not depend on their number.
import { largest } from "../kernel/amount.js";
import type { ReductionLoops } from "../kernel/choose-loops.js";
import { guardReads } from "../kernel/guard-reads.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopWriter } from "../kernel/loop-writer.js";
import { numPoints, writeNest } from "../kernel/nests.js";
import { declareResult } from "../kernel/reduction-text.js";
import type { ScalarNode } from "../kernel/scalar-node.js";
import type { Stage, Stages } from "../kernel/stages.js";
import { writeStageBody, writeStores } from "../kernel/stores.js";
import { simdPragma } from "./reductions.js";
import { costPerElement, grainFor, writeSharedLetters } from "./work.js";

export function writeRows(w: LoopWriter, { outer, inner }: ReductionLoops, all: Stages): void {
  const { stages, safe } = guardReads(all, inner.at(-1)!);
  writeSharedLetters(w, outer, numPoints(inner), grainFor(costPerElement(stages.roots)), () => {
    writeStages(w, stages, safe, (stage) => writeStage(w, inner, stage, safe));
  });
}

/** The loops of all stages with the stores of the outer letters between them. */
export function writeStages(
  w: LoopWriter,
  { stages, after }: Stages,
  safe: ReadonlySet<ScalarNode>,
  writeLoop: (stage: Stage) => void,
): void {
  for (const stage of stages) {
    writeLoop(stage);
    // Behind the loop, which reads nothing of what they overwrite: it has given names to the row's values.
    writeStores(w, stage.before, safe);
  }
  writeStores(w, after, safe);
}

function writeStage(w: LoopWriter, inner: readonly LoopLetter[], stage: Stage, safe: ReadonlySet<ScalarNode>): void {
  const results = stage.reduces.map((pass) => ({ pass, name: w.declare(pass.name) }));
  for (const { pass, name } of results) w.line(declareResult(pass, name));
  writeNest(w, inner, simdPragma(results), () => writeStageBody(w, stage, results, safe));
  for (const { pass, name } of results) w.setResult(pass.result, name);
}

/** Whether rows are too few for threads and long enough to be cut. */
export const areFewLongRows = ({ outer, inner }: ReductionLoops): boolean =>
  numPoints(outer) < 16 && numPoints(inner) >= 32768 && largest(inner[0]!.size) >= 16;
