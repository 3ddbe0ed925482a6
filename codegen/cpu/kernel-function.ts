// A kernel as a static C++ function with the kind of loops that fits its letters and memory.
import type { Kernel } from "../../src/ir/scheduled.js";
import { chooseLoops } from "../kernel/choose-loops.js";
import { type AmountNames, type KernelFunction, kernelContext } from "../kernel/kernel-context.js";
import { LoopWriter } from "../kernel/loop-writer.js";
import { type Stages, stagesOf } from "../kernel/stages.js";
import { areFewColumns, writeBlocksOfColumns } from "./blocks-of-columns.js";
import { writeBlocksOfRows } from "./blocks-of-rows.js";
import { writeColumns } from "./columns.js";
import { writeElementwise } from "./elementwise.js";
import { areFewLongRows, writeRows } from "./rows.js";

/** Operands that are numbers of the host code are handed over by value. */
export function kernelFunction(kernel: Kernel, isValue: readonly boolean[], amounts: AmountNames): KernelFunction {
  const stages = stagesOf(kernel);
  const context = kernelContext(kernel, stages, isValue, amounts);
  const w = new LoopWriter(context.facts, context.names);
  writeLoops(w, kernel, stages);
  return context.function(w.finish());
}

function writeLoops(w: LoopWriter, kernel: Kernel, stages: Stages): void {
  const loops = chooseLoops(kernel, stages);
  switch (loops.kind) {
    case "elements":
      writeElementwise(w, loops.loops, loops.stages);
      return;
    case "columns": {
      const write = areFewColumns(loops, stages) ? writeBlocksOfColumns : writeColumns;
      write(w, loops, stages);
      return;
    }
    case "rows": {
      const write = areFewLongRows(loops) ? writeBlocksOfRows : writeRows;
      write(w, loops, stages);
    }
  }
}
