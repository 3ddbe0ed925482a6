// Purpose: recompute as few modules as a memory budget allows. Sets of modules are tried from the cheapest on (see
// rank-recomputable) by compiling with them and looking at the planned arena. Needs: a traced program with a budget.
// Leaves: the same with the first set that fits, or a diagnosis. Example: with half of what GPT-2 would take, the wide
// layers and the norms of its blocks are computed again, and their attention is kept.
import { diagnosed } from "../../diagnostics/diagnostic.js";
import type { Program } from "../../ir/program.js";
import type { ScheduledProgram } from "../../ir/scheduled.js";
import { rankRecomputable } from "./rank-recomputable.js";

/** `lower` compiles a program to its end. Throws `Diagnosed` where no set fits. */
export function fitMemory(
  program: Program<"logical">,
  lower: (program: Program<"logical">) => ScheduledProgram,
): Program<"logical"> {
  const { memoryBudget, recomputed } = program.layout;
  if (memoryBudget === null) return program;
  const withSet = (paths: readonly string[]): Program<"logical"> => ({
    ...program,
    layout: { ...program.layout, recomputed: paths },
  });
  const arenaWith = (paths: readonly string[]): number =>
    Math.max(...lower(withSet(paths)).variants.flatMap(({ areas }) => areas.map(({ arenaBytes }) => arenaBytes)));

  const asAsked = arenaWith(recomputed);
  if (asAsked <= memoryBudget) return program;
  const sets = rankRecomputable(program, recomputed);
  const most = sets.at(-1);
  const least = most ? arenaWith(most) : asAsked;
  if (!most || !(least <= memoryBudget))
    throw diagnosed(null, "memory-budget-too-small", memoryBudget, Math.min(least, asAsked));
  // The last set fits; each holds less than the one before, or nearly so.
  let [from, to] = [0, sets.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (arenaWith(sets[middle]!) <= memoryBudget) to = middle;
    else from = middle + 1;
  }
  return withSet(sets[to]!);
}
