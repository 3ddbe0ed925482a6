// Who reads each value of a local graph.
import type { LocalGraph, LocalValue, Step } from "../../ir/graph.js";

/** By value id, the steps that read it; null stands for a reader that is no step. */
export type Readers = ReadonlyMap<number, readonly (Step<"local"> | null)[]>;

/** Of every value of a graph, those in bodies too. */
export function readersOf(graph: LocalGraph): Readers {
  const readers = new Map<number, (Step<"local"> | null)[]>();
  const read = (value: LocalValue, by: Step<"local"> | null): void => {
    const known = readers.get(value.id);
    if (known) known.push(by);
    else readers.set(value.id, [by]);
  };
  const walk = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind !== "repeat") {
        for (const value of step.inputs) read(value, step);
        continue;
      }
      for (const { start, leave } of step.carried) {
        read(start, step);
        read(leave, null);
      }
      for (const { items } of step.stacked) for (const item of items) read(item, step);
      for (const { outer } of step.shared) read(outer, step);
      for (const { each } of step.collected) read(each, null);
      walk(step.body);
    }
  };
  walk(graph.steps);
  for (const { value } of [...graph.results, ...graph.updates, ...graph.observed]) read(value, null);
  return readers;
}
