// Runs the passes of the compiler up to one of them, by name.
import { compile } from "../../compile.js";
import { nearestName } from "../../diagnostics/nearest-name.js";
import type { Leveled, PassReport } from "../../passes/pass-runner.js";
import { UsageError } from "../usage-error.js";

/** Ends the compiler once the wanted pass is done: what comes later may have faults of its own. */
class Reached {
  constructor(readonly program: Leveled) {}
}

/** The program after the pass `after`; null: after the last one. Throws a UsageError if there is no such pass. */
export function programAfter(trainer: string, after: string | null): Leveled {
  const names: string[] = [];
  let last: Leveled | null = null;
  try {
    compile(trainer, {
      onPass: ({ name, program }: PassReport) => {
        if (name === after) throw new Reached(program);
        names.push(name);
        last = program;
      },
    });
  } catch (thrown) {
    if (thrown instanceof Reached) return thrown.program;
    throw thrown;
  }
  if (after === null && last !== null) return last;
  const nearest = nearestName(after ?? "", names);
  throw new UsageError(
    `there is no pass ${after}`,
    nearest ? `did you mean ${nearest}?` : `passes: ${names.join(", ")}`,
  );
}

/** A line a pass: name, level of its result, milliseconds. */
export function listPasses(trainer: string): string {
  const lines: string[] = [];
  compile(trainer, {
    onPass: ({ name, level, milliseconds }) =>
      void lines.push(`${name.padEnd(24)} ${level.padEnd(10)} ${milliseconds.toFixed(0).padStart(6)} ms\n`),
  });
  return lines.join("");
}
