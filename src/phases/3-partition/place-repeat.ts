// Places a repeat: its body is placed until what is carried leaves a round as it entered it. That takes one round more
// than the first at most, but for bodies that turn dims, which never settle: then the exit is brought back to the entry.
// A carried value is no sum in parts, but for a running total (`total = total + term`), which is reduced once at the end.
// Stacked operands keep their place at rest, so that a round gathers what it uses; sums among them stay sums only where
// the body passes them on as such; else they are made whole where the body wants them, by a scatter if it reads them split.
import type { PlacedValue, RepeatStep, Step } from "../../ir/graph.js";
import {
  type Axis,
  type Placement,
  partialAxes,
  reducedPlacement,
  sameAxes,
  samePartial,
  samePlacement,
  withoutPartial,
} from "../../ir/placement.js";
import { findTotals, type Total } from "./find-totals.js";
import { narrowedValues } from "./narrowing.js";
import { placeSteps } from "./place-steps.js";
import { type Block, countReads, type Known, learn, lookUp, type Placing, primalOf, type Where } from "./placing.js";
import { readings } from "./readings.js";
import { splitUnlike } from "./split-unlike.js";

type Repeat = RepeatStep<"logical">;
const mostRounds = 4;

/** The placements with which a body is entered. */
interface Entry {
  readonly carried: readonly Placement[];
  readonly stacked: readonly Placement[];
}
interface PlacedBody {
  readonly entry: Entry;
  readonly steps: readonly Step<"placed">[];
}

export function placeRepeat(step: Repeat, block: Block, placing: Placing): void {
  for (const part of splitUnlike(step, placing)) placeAlike(part, block, placing);
}

function placeAlike(step: Repeat, block: Block, placing: Placing): void {
  const body = withTotals(step, settleBody(step, placing), placing);
  const { entry } = body;
  const inner = (value: { readonly id: number }): PlacedValue => placing.known.get(value.id)!.placed;
  const carried = step.carried.map(({ start, enter, leave, result }, i) => ({
    start: lookUp(placing, start).placed,
    enter: inner(enter),
    leave: inner(leave),
    result: learn(placing, result, entry.carried[i]!, {
      primal: primalOf(placing, result) ?? lookUp(placing, enter).primal,
    }),
  }));
  const stacked = step.stacked.map(({ items, each }) => ({
    items: items.map((item) => lookUp(placing, item).placed),
    each: inner(each),
  }));
  const shared = step.shared.map(({ outer, inner: value }) => ({
    outer: lookUp(placing, outer).placed,
    inner: inner(value),
  }));
  const collected = step.collected.map(({ each, items }) => ({
    each: inner(each),
    items: items.map((item) =>
      learn(placing, item, inner(each).placement, {
        primal: primalOf(placing, item) ?? lookUp(placing, each).primal,
      }),
    ),
  }));
  block.steps.push({ ...step, carried, stacked, shared, collected, body: body.steps });
}

/** Places the body with no carried sums, until it leaves as it entered. */
function settleBody(step: Repeat, placing: Placing): PlacedBody {
  let entry: Entry = {
    carried: step.carried.map(({ start }) => reducedPlacement(lookUp(placing, start).rest)),
    stacked: step.stacked.map(({ items }) => commonPlacement(items.map((item) => lookUp(placing, item)))),
  };
  for (let round = 1; ; round++) {
    const steps = placeBody(step, entry, placing);
    const leaving = step.carried.map(({ leave }) => reducedPlacement(lookUp(placing, leave).rest));
    const stacked = entry.stacked.map((placement, i) =>
      settledStack(placement, placing.known.get(step.stacked[i]!.each.id)!.placed, steps, placing),
    );
    const isSettled = leaving.every((placement, i) => samePlacement(placement, entry.carried[i]!));
    const keepsSums = stacked.every((placement, i) => samePartial(placement.partial, entry.stacked[i]!.partial));
    if (keepsSums && (isSettled || round >= mostRounds)) return { entry, steps };
    entry = { carried: round < mostRounds ? leaving : entry.carried, stacked };
  }
}

/** A stacked sum stays one over the axes where every reader in the body takes it in parts; else it goes where all read it. */
function settledStack(
  placement: Placement,
  each: PlacedValue,
  body: readonly Step<"placed">[],
  { facts }: Placing,
): Placement {
  const asked = readings(body, facts).flatMap((reading) => (reading.value.id === each.id ? [reading.placement] : []));
  const lost = partialAxes(placement).filter((axis) => asked.some(({ partial }) => partial[axis] === undefined));
  const kept = withoutPartial(placement, ...lost);
  const [first, ...others] = asked;
  if (!first || lost.length === 0 || !others.every((other) => samePlacement(first, other))) return kept;
  return samePartial(first.partial, kept.partial) && isScattered(kept, first, lost) ? first : kept;
}

/** Whether `to` is `from` with some of the axes as the innermost splits of dims. */
const isScattered = (from: Placement, to: Placement, axes: readonly Axis[]): boolean =>
  to.dims.every((split, dim) => {
    const before = from.dims[dim]!.axes;
    const added = split.axes.slice(before.length);
    return sameAxes(before, split.axes.slice(0, before.length)) && added.every((axis) => axes.includes(axis));
  });

/** Running totals of terms that are sums in parts stay sums until the repeat has ended. */
function withTotals(step: Repeat, settled: PlacedBody, placing: Placing): PlacedBody {
  const totals = findTotals(step);
  const axesOf = (total: Total): readonly Axis[] =>
    placing.facts.axes.filter((axis) => total.terms.some((term) => lookUp(placing, term).rest.partial[axis] === "sum"));
  const partial = new Map(totals.map((total) => [total.carried, axesOf(total)]));
  if ([...partial.values()].every((axes) => axes.length === 0)) return settled;
  const carried = settled.entry.carried.map((placement, i): Placement => {
    const split = placement.dims.flatMap(({ axes }) => axes);
    const sums = (partial.get(i) ?? []).filter((axis) => !split.includes(axis));
    return { dims: placement.dims, partial: Object.fromEntries(sums.map((axis) => [axis, "sum"])) };
  });
  const entry: Entry = { carried, stacked: settled.entry.stacked };
  const steps = placeBody(step, entry, placing);
  const leavesSo = step.carried.every(({ leave }, i) => {
    const left = lookUp(placing, leave).rest;
    return samePlacement(partial.has(i) ? left : reducedPlacement(left), carried[i]!);
  });
  const passesStacks = entry.stacked.every((placement, i) =>
    samePlacement(
      settledStack(placement, placing.known.get(step.stacked[i]!.each.id)!.placed, steps, placing),
      placement,
    ),
  );
  if (leavesSo && passesStacks) return { entry, steps };
  return { entry: settled.entry, steps: placeBody(step, settled.entry, placing) };
}

function placeBody(step: Repeat, entry: Entry, placing: Placing): readonly Step<"placed">[] {
  step.carried.forEach(({ start, enter }, i) => {
    learn(placing, enter, entry.carried[i]!, { primal: primalOf(placing, enter) ?? lookUp(placing, start).primal });
  });
  step.stacked.forEach(({ items, each }, i) => {
    const known = items.map((item) => lookUp(placing, item));
    learn(placing, each, entry.stacked[i]!, {
      use: isState(known[0]!) ? known[0]!.use : entry.stacked[i]!,
      isParameter: known.every(({ isParameter }) => isParameter),
      primal: primalOf(placing, each) ?? commonPrimal(known),
    });
  });
  for (const { outer, inner } of step.shared) {
    const { rest, use, isParameter, primal } = lookUp(placing, outer);
    const isSame = samePlacement(rest, use);
    learn(placing, inner, reducedPlacement(rest), { use: isSame ? reducedPlacement(rest) : use, isParameter, primal });
  }
  const block: Block = {
    reads: countReads(step.body, [
      ...step.carried.map(({ leave }) => leave),
      ...step.collected.map(({ each }) => each),
    ]),
    narrowed: narrowedValues(step.body),
    copies: new Map(),
    steps: [],
  };
  placeSteps(step.body, block, placing);
  return block.steps;
}

/** A state that is gathered where it is used. */
const isState = (known: Known): boolean => !samePlacement(known.rest, known.use);

/** Where the items of a stack are; where they differ, all are brought to where the first is. Sums stay where all are sums. */
function commonPlacement(items: readonly Known[]): Placement {
  const [first] = items;
  if (!first) throw new Error("a repeat has an operand without items");
  const axes = partialAxes(first.rest).filter(
    (axis) => !items.every(({ rest }) => rest.partial[axis] === "sum" && first.rest.partial[axis] === "sum"),
  );
  return withoutPartial(first.rest, ...axes);
}

function commonPrimal(items: readonly Known[]): Where | null {
  const first = items[0]?.primal ?? null;
  if (first === null) return null;
  const agrees = items.every(
    ({ primal }) => primal !== null && samePlacement(primal.rest, first.rest) && samePlacement(primal.use, first.use),
  );
  return agrees ? first : null;
}
