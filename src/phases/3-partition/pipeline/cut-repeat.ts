// A repeat cut between rounds: one repeat for each run of rounds on one stage, or all rounds written out.
import type { LocalValue, RepeatStep, Step } from "../../../ir/graph.js";
import { makesOf } from "../../../ir/steps.js";
import { instanceOf, type Renames } from "./instance.js";

type Repeat = RepeatStep<"local">;

export interface RepeatOnStage {
  readonly stage: number;
  readonly repeat: Repeat;
}

/** `stages`: of each round. What is carried passes from one repeat to the next. */
export function cutRepeat(step: Repeat, stages: readonly number[], newId: () => number): readonly RepeatOnStage[] {
  const runs: { stage: number; first: number; last: number }[] = [];
  stages.forEach((stage, round) => {
    const run = runs.at(-1);
    if (run?.stage === stage) run.last = round;
    else runs.push({ stage, first: round, last: round });
  });
  let starts = step.carried.map(({ start }) => start);
  return runs.map(({ stage, first, last }, i) => {
    const isEnd = i === runs.length - 1;
    const results = step.carried.map(({ result }) => (isEnd ? result : { ...result, id: newId() }));
    const part = roundsOf(step, first, last + 1, starts, results);
    starts = results;
    return { stage, repeat: i === 0 ? part : inside(part, newId) };
  });
}

/** Rounds `first` to `end` alone. */
const roundsOf = (
  step: Repeat,
  first: number,
  end: number,
  starts: readonly LocalValue[],
  results: readonly LocalValue[],
): Repeat => ({
  ...step,
  count: end - first,
  carried: step.carried.map((each, c) => ({ ...each, start: starts[c]!, result: results[c]! })),
  stacked: step.stacked.map(({ items, each }) => ({ items: items.slice(first, end), each })),
  collected: step.collected.map(({ each, items }) => ({ each, items: items.slice(first, end) })),
});

/** The same repeat with values of its own inside. */
export function inside(step: Repeat, newId: () => number): Repeat {
  const renames: Renames = new Map();
  const outer = [
    ...step.carried.flatMap(({ start, result }) => [start, result]),
    ...step.stacked.flatMap(({ items }) => items),
    ...step.shared.map((each) => each.outer),
    ...step.collected.flatMap(({ items }) => items),
  ];
  for (const value of outer) renames.set(value.id, value);
  return instanceOf(step, renames, newId);
}

/** Some of the rounds, in order, with nothing carried but totals: each starts where the one before ended. */
export const someRounds = (step: Repeat, rounds: readonly number[]): Repeat => ({
  ...step,
  count: rounds.length,
  stacked: step.stacked.map(({ items, each }) => ({ items: rounds.map((round) => items[round]!), each })),
  collected: step.collected.map(({ each, items }) => ({ each, items: rounds.map((round) => items[round]!) })),
});

export interface WrittenOut {
  readonly steps: readonly Step<"local">[];
  /** By id of what the repeat made: what stands for it. */
  readonly results: ReadonlyMap<number, LocalValue>;
}

/** Every round one behind the other, with no repeat around. */
export function unrolled(step: Repeat, newId: () => number): WrittenOut {
  const steps: Step<"local">[] = [];
  const results = new Map<number, LocalValue>();
  let entering = step.carried.map(({ start }) => start);
  for (let round = 0; round < step.count; round++) {
    const renames: Renames = new Map();
    step.carried.forEach(({ enter }, i) => {
      renames.set(enter.id, entering[i]!);
    });
    for (const { items, each } of step.stacked) renames.set(each.id, items[round]!);
    for (const { outer, inner } of step.shared) renames.set(inner.id, outer);
    for (const inner of step.body) {
      for (const value of makesOf(inner)) renames.set(value.id, { ...value, id: newId() });
      steps.push(instanceOf(inner, renames, newId));
    }
    entering = step.carried.map(({ leave }) => renames.get(leave.id)!);
    for (const { each, items } of step.collected) results.set(items[round]!.id, renames.get(each.id)!);
  }
  step.carried.forEach(({ result }, i) => {
    results.set(result.id, entering[i]!);
  });
  return { steps, results };
}
