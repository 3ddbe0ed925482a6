// The collective nearest to a value among those that it was made from.
import type { LocalGraph, MoveStep, Step } from "../../ir/graph.js";
import { makesOf, readsOf } from "../../ir/steps.js";
import { isCollective } from "../../ir/traffic.js";

/** Null where the value is made without one. Steps back are counted; bodies of repeats are looked into. */
export function collectiveBefore(graph: LocalGraph, id: number): MoveStep | null {
  const sources = sourcesOf(graph);
  const seen = new Set([id]);
  let here = [id];
  while (here.length > 0) {
    const makers = here.flatMap((value) => sources.get(value) ?? []);
    const found = makers.find(({ step }) => step?.kind === "move" && isCollective(step.move));
    if (found) return found.step as MoveStep;
    here = [...new Set(makers.flatMap(({ from }) => from))].filter((value) => !seen.has(value));
    for (const value of here) seen.add(value);
  }
  return null;
}

interface Source {
  /** Null: the value only goes in or out of a repeat. */
  readonly step: Step<"local"> | null;
  readonly from: readonly number[];
}

function sourcesOf(graph: LocalGraph): ReadonlyMap<number, readonly Source[]> {
  const sources = new Map<number, Source[]>();
  const add = (id: number, source: Source): void => void sources.set(id, [...(sources.get(id) ?? []), source]);
  const walk = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind !== "repeat") {
        for (const { id } of makesOf(step)) add(id, { step, from: readsOf(step).map((value) => value.id) });
        continue;
      }
      for (const { start, enter, leave, result } of step.carried) {
        add(enter.id, { step: null, from: [start.id, leave.id] });
        add(result.id, { step: null, from: [leave.id] });
      }
      for (const { items, each } of step.stacked) add(each.id, { step: null, from: items.map((item) => item.id) });
      for (const { outer, inner } of step.shared) add(inner.id, { step: null, from: [outer.id] });
      for (const { each, items } of step.collected)
        for (const { id } of items) add(id, { step: null, from: [each.id] });
      walk(step.body);
    }
  };
  walk(graph.steps);
  return sources;
}
