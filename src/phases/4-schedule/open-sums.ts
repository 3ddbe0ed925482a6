// Purpose: a number that every round of a table repeat adds to is collected instead, and added up behind the repeat, so
// that the rounds do not wait for each other. Needs and leaves: a local graph. Example: the sum of squares of the
// gradients of all layers.
import type { LocalGraph, LocalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import { highestId, readsOf, replaceInSteps } from "../../ir/steps.js";
import { tableRepeats } from "./table-repeats.js";

type Repeat = RepeatStep<"local">;

export function openSums(graph: LocalGraph): LocalGraph {
  const isTable = tableRepeats(graph);
  let lastId = highestId(graph);
  const newValue = (like: LocalValue): LocalValue => {
    lastId++;
    return { ...like, id: lastId };
  };
  const open = (steps: readonly Step<"local">[]): readonly Step<"local">[] =>
    steps.flatMap((step) => {
      if (step.kind !== "repeat" || !isTable(step)) return [step];
      return opened({ ...step, body: open(step.body) }, newValue);
    });
  return { ...graph, steps: open(graph.steps) };
}

function opened(repeat: Repeat, newValue: (like: LocalValue) => LocalValue): readonly Step<"local">[] {
  const behind: Step<"local">[] = [];
  let now = repeat;
  for (const entry of repeat.carried) {
    const chain = chainFrom(entry.enter, entry.leave, now);
    if (!chain) continue;
    const { first, term } = chain;
    const replace = (value: LocalValue): LocalValue => (value.id === first.outputs[0]!.id ? term : value);
    const body = replaceInSteps<"local">(
      now.body.filter((step) => step !== first),
      replace,
    );
    const items = Array.from({ length: now.count }, () => newValue(entry.leave));
    now = {
      ...now,
      body,
      carried: now.carried.filter((other) => other !== entry),
      collected: [...now.collected, { each: replace(entry.leave), items }],
    };
    let sum = entry.start;
    items.forEach((item, i) => {
      const next = i === items.length - 1 ? entry.result : newValue(entry.result);
      const { scope, phase, origin } = repeat;
      behind.push({ ...first, scope, phase, origin, inputs: [sum, item], outputs: [next] });
      sum = next;
    });
  }
  return [now, ...behind];
}

/** The addition that the entering number goes into, and what it adds there, if nothing but additions leads out again. */
function chainFrom(
  enter: LocalValue,
  leave: LocalValue,
  { body, carried, collected }: Repeat,
): { readonly first: OpStep<"local">; readonly term: LocalValue } | null {
  const exits = [...carried.map((entry) => entry.leave.id), ...collected.map(({ each }) => each.id)];
  let first: OpStep<"local"> | null = null;
  let now = enter;
  for (;;) {
    const readers = body.filter((step) => readsOf(step).some(({ id }) => id === now.id));
    const [reader, ...others] = readers;
    const isExit = exits.filter((id) => id === now.id).length;
    if (now.id === leave.id)
      return first && readers.length === 0 && isExit === 1 ? { first, term: otherOf(first, enter)! } : null;
    if (!reader || others.length > 0 || isExit > 0 || reader.kind !== "op" || !isAddition(reader)) return null;
    if (otherOf(reader, now) === null) return null;
    first ??= reader;
    now = reader.outputs[0]!;
  }
}

const otherOf = ({ inputs: [a, b] }: OpStep<"local">, { id }: LocalValue): LocalValue | null =>
  a!.id === id ? (b!.id === id ? null : b!) : a!;

/** Whether a step adds two numbers. */
function isAddition({ op, attrs, inputs, outputs }: OpStep<"local">): boolean {
  if (inputs.length !== 2 || outputs.length !== 1 || outputs[0]!.type.shape.length > 0) return false;
  if (inputs.some(({ type }) => type.shape.length > 0)) return false;
  const lowered = op.lower(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  );
  if (lowered.kind !== "loops" || lowered.body.passes.length !== 1) return false;
  const [pass] = lowered.body.passes;
  if (pass?.kind !== "store" || pass.value.kind !== "apply" || pass.value.fn !== "add") return false;
  return pass.value.args.every((arg) => arg.kind === "input" && arg.at === undefined);
}
