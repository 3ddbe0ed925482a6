// Purpose: every value can be looked at while the program runs, so that two programs which differ can be compared value by
// value. Values inside a repeat are collected, one for each round. Needs: a logical graph whose gradients are made.
// Leaves: the same graph that offers, beside the gradients, each state that it reads and all that its steps make, in
// order. Labels are the graph's name and a number; `seenValues` says what is behind them. Run for `dreamc verify` alone.
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import type { Origin } from "../../ir/origin.js";
import { highestId, makesOf } from "../../ir/steps.js";
import type { TensorType } from "../../ir/tensor-type.js";

/** `isPipelined`: values come in microbatches on the way through stages, so states alone are looked at. */
export function observeValues(graph: LogicalGraph, isPipelined: boolean): LogicalGraph {
  let lastId = highestId(graph);
  const steps = isPipelined ? graph.steps : collectInside(graph.steps, () => ++lastId);
  const states = graph.inputs.filter(({ source }) => source.kind === "state").map(({ value }) => value);
  // Results lie in memory of their own, for the host code.
  const results = new Set(graph.results.map(({ value }) => value.id));
  const values = [...states, ...(isPipelined ? [] : steps.flatMap(seenOf))].filter(({ id }) => !results.has(id));
  const observed = values.map((value, i) => ({ label: `${graph.name} ${i}`, value }));
  return { ...graph, steps, observed: [...graph.observed, ...observed] };
}

/** What a step makes of something: constants and positions tell nothing, and a view holds the numbers of what it views. */
const seenOf = (step: Step<"logical">): readonly LogicalValue[] =>
  step.kind === "op" && (step.inputs.length === 0 || isView(step)) ? [] : makesOf(step);

function isView({ op, attrs, inputs, outputs }: OpStep<"logical">): boolean {
  const types = (values: readonly LogicalValue[]): readonly TensorType[] => values.map(({ type }) => type);
  const { kind } = op.lower(types(inputs), types(outputs), attrs);
  return kind === "regroup" || kind === "slice";
}

/** The steps with repeats that hand out all that their bodies make. */
const collectInside = (steps: readonly Step<"logical">[], newId: () => number): readonly Step<"logical">[] =>
  steps.map((step) => {
    if (step.kind !== "repeat") return step;
    const body = collectInside(step.body, newId);
    const known = new Set(step.collected.map(({ each }) => each.id));
    const more = body
      .flatMap(seenOf)
      .filter(({ id }) => !known.has(id))
      .map((each) => ({ each, items: Array.from({ length: step.count }, () => ({ ...each, id: newId() })) }));
    return { ...step, body, collected: [...step.collected, ...more] };
  });

/** What is behind a label of an observed graph. */
export interface SeenValue {
  readonly label: string;
  readonly value: LogicalValue;
  /** The step that made it; null for states. */
  readonly maker: OpStep<"logical"> | null;
  readonly origin: Origin | null;
  /** Its module, with stars for the rounds of repeats. */
  readonly scope: string;
  /** Rounds from 0 of the repeats that it was made in, the outermost first. */
  readonly rounds: readonly { readonly round: number; readonly count: number }[];
  /** Place in the graph's order: rounds of a repeat one after the other, in the order in which they run. */
  readonly order: readonly number[];
}

/** In the order in which the program makes them. */
export function seenValues(graph: LogicalGraph): readonly SeenValue[] {
  const makers = new Map<number, Omit<SeenValue, "label" | "value">>();
  const walk = (
    steps: readonly Step<"logical">[],
    rename: (id: number) => number | undefined,
    before: readonly number[],
    rounds: SeenValue["rounds"],
  ): void => {
    steps.forEach((step, i) => {
      const order = [...before, i];
      if (step.kind === "repeat") {
        for (let round = 0; round < step.count; round++) {
          const items = new Map(step.collected.map(({ each, items: all }) => [each.id, all[round]!.id]));
          const inside = (id: number): number | undefined => {
            const item = items.get(id);
            return item === undefined ? undefined : rename(item);
          };
          walk(step.body, inside, [...order, round], [...rounds, { round, count: step.count }]);
        }
      }
      const { origin, scope } = step;
      const place = { maker: step.kind === "op" ? step : null, origin, scope, rounds, order };
      for (const { id } of makesOf(step)) {
        const known = rename(id);
        if (known !== undefined && !makers.has(known)) makers.set(known, place);
      }
    });
  };
  walk(graph.steps, (id) => id, [], []);
  return graph.observed
    .filter(({ label }) => label.startsWith(`${graph.name} `))
    .map(({ label, value }) => ({
      label,
      value,
      ...(makers.get(value.id) ?? { maker: null, origin: null, scope: "", rounds: [], order: [-1] }),
    }))
    .toSorted((a, b) => compareOrders(a.order, b.order));
}

function compareOrders(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const apart = (a[i] ?? -1) - (b[i] ?? -1);
    if (apart !== 0) return apart;
  }
  return 0;
}
