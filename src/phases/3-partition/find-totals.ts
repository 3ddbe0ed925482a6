// Finds the carried values of a repeat that are running totals: they enter an op that is linear in all its inputs
// together (a sum), nothing else reads them, and so on until they leave the round.
import type { LogicalValue, OpStep, RepeatStep } from "../../ir/graph.js";
import { countReads } from "./placing.js";

export interface Total {
  /** Its place in the list of carried values. */
  readonly carried: number;
  /** What is added to it in a round. */
  readonly terms: readonly LogicalValue[];
}

export function findTotals(repeat: RepeatStep<"logical">): readonly Total[] {
  const leaving = [...repeat.carried.map(({ leave }) => leave), ...repeat.collected.map(({ each }) => each)];
  const reads = countReads(repeat.body, leaving);
  const readers = new Map<number, OpStep<"logical">>();
  for (const step of repeat.body) if (step.kind === "op") for (const input of step.inputs) readers.set(input.id, step);

  return repeat.carried.flatMap(({ enter, leave }, carried): Total[] => {
    const terms: LogicalValue[] = [];
    let now = enter;
    while (now.id !== leave.id) {
      const reader = readers.get(now.id);
      if (reads.get(now.id) !== 1 || !reader || reader.outputs.length !== 1) return [];
      const all = reader.inputs.length - reader.op.indices.length;
      const set = reader.op.linear(reader.inputs.length, reader.attrs).find((inputs) => inputs.length === all);
      if (!set?.some((i) => reader.inputs[i]!.id === now.id)) return [];
      for (const i of set) if (reader.inputs[i]!.id !== now.id) terms.push(reader.inputs[i]!);
      now = reader.outputs[0]!;
    }
    return terms.length > 0 && reads.get(leave.id) === 1 ? [{ carried, terms }] : [];
  });
}
