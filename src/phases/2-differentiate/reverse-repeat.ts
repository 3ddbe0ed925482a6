// The gradient of a repeat is a repeat: it runs the rounds backwards. What its body needs of the forward rounds is
// collected there, or made again (see choose-saved), or comes in as it came in forward.
import type { BlockBuilder } from "../../ir/build.js";
import type { LogicalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import { entriesOf, makesOf, replaceInSteps } from "../../ir/steps.js";
import { isFloat } from "../../ir/tensor-type.js";
import { chooseSaved } from "./choose-saved.js";
import { Gradients, zeroLike } from "./gradients.js";
import { recomputeModules } from "./recompute-modules.js";
import { type Reverse, reverseSteps, type Saved } from "./reverse.js";

interface Entry {
  readonly start: LogicalValue;
  readonly enter: LogicalValue;
  readonly leave: LogicalValue;
  readonly result: LogicalValue;
}

export function reverseRepeat(
  step: RepeatStep<"logical">,
  gradients: Gradients,
  block: BlockBuilder,
  context: Reverse,
): void {
  const { active, recomputing } = context;
  const arriving = step.collected.filter(({ items }) => items.some((item) => gradients.of(item)));
  const candidates = step.carried.filter(
    ({ enter, leave }) => isFloat(enter.type.dtype) && (active.has(enter.id) || active.has(leave.id)),
  );
  let live = candidates.filter(({ result }) => gradients.of(result));
  if (live.length === 0 && arriving.length === 0) return;

  // A carried value may get its first gradient inside: found by walking back until nothing new is.
  for (;;) {
    const trial = walkBack(step, live, arriving, block, {
      ...context,
      recomputing: { ...recomputing, saved: new Map() },
    });
    const more = candidates.filter((entry) => !live.includes(entry) && trial.inner.of(entry.enter));
    if (more.length === 0) break;
    live = candidates.filter((entry) => live.includes(entry) || more.includes(entry));
  }
  const { body, inner, entering, taken } = walkBack(step, live, arriving, block, context);

  const carried: Entry[] = live.map(({ start, enter, leave, result }) => ({
    start: gradients.orZero(result),
    enter: entering.get(leave.id)!.get(result.id)!,
    leave: inner.orZero(enter),
    result: block.value(start.type, { gradientOf: start.id }),
  }));
  const sharedTerms = step.shared.flatMap((entry) => {
    const term = active.has(entry.inner.id) ? inner.of(entry.inner) : null;
    return term ? [{ ...entry, term }] : [];
  });
  const sums = sharedTerms.map(({ outer, term }) => {
    const enter = body.value(outer.type, { gradientOf: outer.id });
    const total = new Gradients(body);
    total.arrive(outer, enter);
    total.arrive(outer, term);
    const leave = total.of(outer)!;
    return {
      start: zeroLike(block, outer),
      enter,
      leave,
      result: block.value(outer.type, { gradientOf: outer.id }),
      outer,
    };
  });
  const stackedTerms = step.stacked.flatMap((entry) => {
    const term = active.has(entry.each.id) ? inner.of(entry.each) : null;
    return term ? [{ ...entry, term }] : [];
  });
  const collected = stackedTerms.map(({ items, term }) => ({
    each: term,
    items: [...items].reverse().map((item) => block.value(item.type, { gradientOf: item.id })),
    of: items,
  }));

  const ends = [...[...carried, ...sums].map(({ leave }) => leave), ...collected.map(({ each }) => each)];
  const backward = recomputeModules({ forward: step.body, backward: body.steps, ends, repeat: step }, recomputing);
  const outers = chooseSaved(step, backward, ends, valuesInside(step, recomputing.saved), recomputing.isSent);
  const swap = new Map<number, LogicalValue>();
  const fresh = (value: LogicalValue): LogicalValue => {
    const made = block.value(value.type, { name: value.name });
    swap.set(value.id, made);
    return made;
  };
  const stacked = [
    ...taken.map(({ items, each }) => ({ items, each })),
    ...step.stacked
      .filter(({ each }) => outers.entries.has(each.id))
      .map(({ items, each }) => ({ items: [...items].reverse(), each: fresh(each) })),
    ...outers.saved.map((value) => {
      const list = recomputing.saved.get(step) ?? [];
      recomputing.saved.set(step, list);
      let held = list.find(({ each }) => each.id === value.id);
      if (!held) {
        held = {
          each: value,
          items: Array.from({ length: step.count }, () => block.value(value.type, { name: value.name })),
        };
        list.push(held);
      }
      return { items: [...held.items].reverse(), each: fresh(value) };
    }),
  ];
  const shared = step.shared
    .filter(({ inner: own }) => outers.entries.has(own.id))
    .map(({ outer, inner: own }) => ({ outer, inner: fresh(own) }));
  const again: OpStep<"logical">[] = outers.again.map((made) => ({
    ...made,
    phase: "backward",
    outputs: made.outputs.map(fresh),
  }));
  const replace = (value: LogicalValue): LogicalValue => swap.get(value.id) ?? value;
  const inputsOnly = again.map((made) => ({ ...made, inputs: made.inputs.map(replace) }));
  const steps: readonly Step<"logical">[] = [...inputsOnly, ...replaceInSteps(backward, replace)];
  block.repeat({
    count: step.count,
    carried: [...carried, ...sums].map(({ start, enter, leave, result }) => ({
      start,
      enter,
      leave: replace(leave),
      result,
    })),
    stacked,
    shared,
    collected: collected.map(({ each, items }) => ({ each: replace(each), items })),
    body: steps,
  });

  live.forEach(({ start }, i) => {
    if (active.has(start.id)) gradients.arrive(start, carried[i]!.result);
  });
  sums.forEach(({ outer, result }) => {
    gradients.arrive(outer, result);
  });
  for (const { of, items } of collected) {
    const forward = [...items].reverse();
    of.forEach((item, round) => {
      if (active.has(item.id)) gradients.arrive(item, forward[round]!);
    });
  }

  function walkBack(
    repeat: RepeatStep<"logical">,
    entries: RepeatStep<"logical">["carried"],
    takes: RepeatStep<"logical">["collected"],
    outside: BlockBuilder,
    within: Reverse,
  ) {
    const inside = outside.inner();
    const found = new Gradients(inside);
    const entering = new Map<number, Map<number, LogicalValue>>();
    for (const { leave, result } of entries) {
      const enter = inside.value(leave.type, { gradientOf: leave.id });
      if (!entering.has(leave.id)) entering.set(leave.id, new Map());
      entering.get(leave.id)!.set(result.id, enter);
      found.arrive(leave, enter);
    }
    const taken = takes.map(({ each, items }) => {
      const arrives = inside.value(each.type, { gradientOf: each.id });
      found.arrive(each, arrives);
      const given = within === context ? [...items].reverse().map((item) => gradients.orZero(item)) : [];
      return { items: given, each: arrives };
    });
    reverseSteps(repeat.body, found, inside, within);
    return { body: inside, inner: found, entering, taken };
  }
}

/** Values that exist inside a body: what came in, what its steps made, and what its own repeats are to collect. */
function valuesInside(step: RepeatStep<"logical">, saved: Saved): ReadonlyMap<number, LogicalValue> {
  const more = step.body.flatMap((inner) => (inner.kind === "repeat" ? (saved.get(inner) ?? []) : []));
  const values = [
    ...entriesOf(step),
    ...step.body.flatMap((inner) => [...makesOf(inner)]),
    ...more.flatMap(({ items }) => items),
  ];
  return new Map(values.map((value) => [value.id, value]));
}
