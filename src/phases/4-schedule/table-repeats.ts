// Purpose: repeats that are nothing but small work over many tensors, such as the parts of an optimizer, are found, and one
// that reads what another has collected becomes one with it, so that their kernels can be joined. Needs and leaves: a
// local graph. Example: gradients times the clipping scale, and AdamW behind it.
import type { LocalGraph, LocalValue, RepeatStep, Step } from "../../ir/graph.js";
import { makesOf, readsOf, replaceInSteps } from "../../ir/steps.js";

type Repeat = RepeatStep<"local">;

/** Rounds that are written out make at most so many steps. */
const mostSteps = 100_000;

/** Whether a repeat's rounds are to be written out. What each round makes with another constant stays a loop. */
export function tableRepeats(graph: LocalGraph): (step: Repeat) => boolean {
  const known = new Map<Repeat, boolean>();
  const constants = new Set<number>();
  const note = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind === "repeat") note(step.body);
      else if (step.inputs.length === 0) for (const { id } of step.outputs) constants.add(id);
    }
  };
  note(graph.steps);
  const isTable = (step: Repeat): boolean => {
    const before = known.get(step);
    if (before !== undefined) return before;
    const result =
      countSteps(step) <= mostSteps &&
      step.carried.every(({ enter }) => enter.type.shape.length === 0) &&
      step.stacked.every(({ items }) => items.every(({ id }) => !constants.has(id))) &&
      step.body.every((inner) => (inner.kind === "repeat" ? isTable(inner) : isLight(inner)));
    known.set(step, result);
    return result;
  };
  return isTable;
}

const countSteps = ({ count, body }: Repeat): number =>
  count * body.reduce((n, step) => n + (step.kind === "repeat" ? countSteps(step) : 1), 0);

/** Kernels and views alone. */
function isLight(step: Exclude<Step<"local">, Repeat>): boolean {
  if (step.kind !== "op") return false;
  const types = (values: readonly LocalValue[]) => values.map(({ type }) => type);
  return step.op.lower(types(step.inputs), types(step.outputs), step.attrs).kind !== "call";
}

export function mergeTableRepeats(graph: LocalGraph): LocalGraph {
  const isTable = tableRepeats(graph);
  let steps = graph.steps;
  const ends = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value.id);
  for (let position = 0; position < steps.length; position++) {
    const step = steps[position]!;
    if (step.kind !== "repeat" || !isTable(step)) continue;
    const found = earlierOf(step, steps, position, isTable);
    if (found === null) continue;
    const readLater = new Set([
      ...ends,
      ...steps.slice(position + 1).flatMap((later) => readsOf(later).map(({ id }) => id)),
    ]);
    const merged = mergedRepeat(steps[found] as Repeat, step, readLater);
    steps = [...steps.slice(0, found), ...steps.slice(found + 1, position), merged, ...steps.slice(position + 1)];
    position -= 2;
  }
  return steps === graph.steps ? graph : { ...graph, steps };
}

/** A repeat of the same length whose collected values this one goes through, if nothing between needs what it makes. */
function earlierOf(
  step: Repeat,
  steps: readonly Step<"local">[],
  position: number,
  isTable: (step: Repeat) => boolean,
): number | null {
  const made = new Map<number, number>();
  for (let i = 0; i < position; i++) {
    const other = steps[i]!;
    if (other.kind === "repeat" && other.count === step.count && isTable(other))
      for (const { items } of other.collected) made.set(items[0]!.id, i);
  }
  for (const { items } of step.stacked) {
    const found = made.get(items[0]!.id);
    if (found === undefined) continue;
    const other = steps[found] as Repeat;
    const entry = other.collected.find((each) => each.items[0]!.id === items[0]!.id)!;
    if (!entry.items.every(({ id }, i) => id === items[i]!.id)) continue;
    const products = new Set(makesOf<"local">(other).map(({ id }) => id));
    const isFree = steps
      .slice(found + 1, position)
      .every((between) => readsOf(between).every(({ id }) => !products.has(id)));
    if (isFree && canFollow(other, step, products)) return found;
  }
  return null;
}

/** Whether the later repeat reads of the earlier one nothing but, round by round, what it collects. */
function canFollow(first: Repeat, second: Repeat, products: ReadonlySet<number>): boolean {
  const isOwn = ({ id }: LocalValue): boolean => products.has(id);
  if (second.carried.some(({ start }) => isOwn(start)) || second.shared.some(({ outer }) => isOwn(outer))) return false;
  return second.stacked.every(({ items }) => {
    if (!items.some(isOwn)) return true;
    return first.collected.some((entry) => entry.items.every(({ id }, i) => id === items[i]!.id));
  });
}

/** Both bodies in each round. `readLater`: ids of values that somebody reads behind both. */
function mergedRepeat(first: Repeat, second: Repeat, readLater: ReadonlySet<number>): Repeat {
  const inner = new Map<number, LocalValue>();
  const stacked = second.stacked.filter(({ items, each }) => {
    const entry = first.collected.find((other) => other.items[0]!.id === items[0]!.id);
    if (entry) inner.set(each.id, entry.each);
    return entry === undefined;
  });
  const replace = (value: LocalValue): LocalValue => inner.get(value.id) ?? value;
  const isKept = ({ items }: Repeat["collected"][number]): boolean => items.some(({ id }) => readLater.has(id));
  return {
    ...second,
    carried: [...first.carried, ...second.carried.map((entry) => ({ ...entry, leave: replace(entry.leave) }))],
    stacked: [...first.stacked, ...stacked],
    shared: [...first.shared, ...second.shared],
    collected: [
      ...first.collected.filter(isKept),
      ...second.collected.map((entry) => ({ ...entry, each: replace(entry.each) })),
    ],
    body: [...first.body, ...replaceInSteps<"local">(second.body, replace)],
  };
}
