// Drops steps of a graph whose results nobody reads, and operands of repeats that their bodies do not read.
import type { Graph, Level, RepeatStep, Step, Value } from "./graph.js";
import { makesOf, readsOf } from "./steps.js";

export function removeDeadSteps<L extends Level>(graph: Graph<L>): Graph<L> {
  const roots = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value.id);
  return { ...graph, steps: liveSteps(graph.steps, new Set(roots)) };
}

/** The steps that `live` values need. Adds the ids of everything that these read to `live`. */
function liveSteps<L extends Level>(steps: readonly Step<L>[], live: Set<number>): readonly Step<L>[] {
  const kept: Step<L>[] = [];
  for (const step of [...steps].reverse()) {
    const alive: Step<L> | null =
      step.kind === "repeat" ? liveRepeat<L>(step, live) : isSent(step) || isRead(makesOf(step), live) ? step : null;
    if (!alive) continue;
    for (const { id } of readsOf(alive)) live.add(id);
    kept.push(alive);
  }
  return kept.reverse();
}

function liveRepeat<L extends Level>(step: RepeatStep<L>, live: ReadonlySet<number>): RepeatStep<L> | null {
  const collected = step.collected.filter(({ items }) => isRead(items, live));
  let carried = step.carried.filter(({ result }) => live.has(result.id));
  for (;;) {
    const inside = new Set([...collected.map(({ each }) => each.id), ...carried.map(({ leave }) => leave.id)]);
    const body = liveSteps<L>(step.body, inside);
    const needed = step.carried.filter((entry) => carried.includes(entry) || inside.has(entry.enter.id));
    if (needed.length > carried.length) {
      carried = needed;
      continue;
    }
    if (collected.length === 0 && carried.length === 0) return null;
    const stacked = step.stacked.filter(({ each }) => inside.has(each.id));
    const shared = step.shared.filter(({ inner }) => inside.has(inner.id));
    return { ...step, carried, stacked, shared, collected, body };
  }
}

/** Another stage of a pipeline takes part in it. */
const isSent = (step: Step): boolean =>
  (step.kind === "stage" && (step.act.what === "send" || step.act.what === "receive")) ||
  (step.kind === "move" && step.move.axis === "pp");

const isRead = (values: readonly Value[], live: ReadonlySet<number>): boolean => values.some(({ id }) => live.has(id));
