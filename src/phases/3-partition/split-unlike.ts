// A repeat whose stacked operands lie differently from round to round becomes several, one for each run of rounds that are
// alike: updates of parameters of one shape, say, of which a plan splits some along the first dim and others along the last.
import type { LogicalValue, RepeatStep } from "../../ir/graph.js";
import { showPlacement } from "../../ir/placement-text.js";
import { replaceInSteps, valuesMadeIn } from "../../ir/steps.js";
import { lookUp, type Placing } from "./placing.js";

type Repeat = RepeatStep<"logical">;

/** In order; the repeat itself where all rounds are alike. */
export function splitUnlike(step: Repeat, placing: Placing): readonly Repeat[] {
  const layoutOf = (round: number): string =>
    step.stacked
      .map(({ items }) => lookUp(placing, items[round]!))
      .map(({ rest, use }) => `${showPlacement(rest)} ${showPlacement(use)}`)
      .join();
  const starts = Array.from({ length: step.count }, (_, round) => round).filter(
    (round) => round === 0 || layoutOf(round) !== layoutOf(round - 1),
  );
  if (starts.length === 1) return [step];
  let before = step.carried.map(({ start }) => start);
  return starts.map((first, run) => {
    const end = starts[run + 1] ?? step.count;
    const isLast = end === step.count;
    const results = step.carried.map(({ result }) => (isLast ? result : { ...result, id: placing.newId() }));
    const part = roundsOf(step, first, end, before, results);
    before = results;
    // The last keeps the ids of the body, by which gradients name what they belong to.
    return isLast ? part : withNewInside(part, placing);
  });
}

function roundsOf(
  step: Repeat,
  first: number,
  end: number,
  starts: readonly LogicalValue[],
  results: readonly LogicalValue[],
): Repeat {
  return {
    ...step,
    count: end - first,
    carried: step.carried.map((entry, i) => ({ ...entry, start: starts[i]!, result: results[i]! })),
    stacked: step.stacked.map(({ items, each }) => ({ items: items.slice(first, end), each })),
    collected: step.collected.map(({ each, items }) => ({ each, items: items.slice(first, end) })),
  };
}

/** The same with new ids for all that is inside. */
function withNewInside(step: Repeat, placing: Placing): Repeat {
  const inside = [
    ...step.carried.map(({ enter }) => enter),
    ...step.stacked.map(({ each }) => each),
    ...step.shared.map(({ inner }) => inner),
    ...valuesMadeIn(step.body),
  ];
  const ids = new Map(inside.map(({ id }) => [id, placing.newId()]));
  const replace = (value: LogicalValue): LogicalValue => ({
    ...value,
    id: ids.get(value.id) ?? value.id,
    gradientOf: value.gradientOf === null ? null : (ids.get(value.gradientOf) ?? value.gradientOf),
  });
  return {
    ...step,
    carried: step.carried.map(({ start, enter, leave, result }) => ({
      start,
      enter: replace(enter),
      leave: replace(leave),
      result,
    })),
    stacked: step.stacked.map(({ items, each }) => ({ items, each: replace(each) })),
    shared: step.shared.map(({ outer, inner }) => ({ outer, inner: replace(inner) })),
    collected: step.collected.map(({ each, items }) => ({ each: replace(each), items })),
    body: replaceInSteps(step.body, replace),
  };
}
