// Drops steps of a local graph whose results nobody reads, and operands of repeats that their bodies do not read.
import type { LocalGraph, LocalValue, RepeatStep, Step } from "../../ir/graph.js";

export function removeDeadSteps(graph: LocalGraph): LocalGraph {
  const roots = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value.id);
  return { ...graph, steps: liveSteps(graph.steps, new Set(roots)) };
}

/** The steps that `live` values need. Adds the ids of everything that these read to `live`. */
function liveSteps(steps: readonly Step<"local">[], live: Set<number>): readonly Step<"local">[] {
  const kept: Step<"local">[] = [];
  for (const step of [...steps].reverse()) {
    const alive = step.kind === "repeat" ? liveRepeat(step, live) : isRead(step.outputs, live) ? step : null;
    if (!alive) continue;
    for (const { id } of operandsOf(alive)) live.add(id);
    kept.push(alive);
  }
  return kept.reverse();
}

function liveRepeat(step: RepeatStep<"local">, live: ReadonlySet<number>): RepeatStep<"local"> | null {
  const collected = step.collected.filter(({ items }) => isRead(items, live));
  let carried = step.carried.filter(({ result }) => live.has(result.id));
  for (;;) {
    const inside = new Set([...collected.map(({ each }) => each.id), ...carried.map(({ leave }) => leave.id)]);
    const body = liveSteps(step.body, inside);
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

const isRead = (values: readonly LocalValue[], live: ReadonlySet<number>): boolean =>
  values.some(({ id }) => live.has(id));

const operandsOf = (step: Step<"local">): readonly LocalValue[] =>
  step.kind === "repeat"
    ? [
        ...step.carried.map(({ start }) => start),
        ...step.stacked.flatMap(({ items }) => items),
        ...step.shared.map(({ outer }) => outer),
      ]
    : step.inputs;
