// What steps read and make, and the same steps over other values. Written once for every level.
import type { Graph, Level, Step, Value } from "./graph.js";

/** Values of the surrounding block that a step reads, each as often as it is read. */
export function readsOf<L extends Level>(step: Step<L>): readonly Value<L>[] {
  if (step.kind === "repeat")
    return [
      ...step.carried.map(({ start }) => start),
      ...step.stacked.flatMap(({ items }) => items),
      ...step.shared.map(({ outer }) => outer),
    ];
  if (step.kind === "gradient") return [step.loss, ...step.by] as readonly Value[] as readonly Value<L>[];
  return step.inputs as readonly Value<L>[];
}

/** Values that a step adds to the surrounding block. */
export function makesOf<L extends Level>(step: Step<L>): readonly Value<L>[] {
  if (step.kind === "repeat")
    return [...step.carried.map(({ result }) => result), ...step.collected.flatMap(({ items }) => items)];
  return step.outputs as readonly Value<L>[];
}

/** Values that exist inside a body before its first step. */
export const entriesOf = <L extends Level>(step: Extract<Step<L>, { kind: "repeat" }>): readonly Value<L>[] => [
  ...step.carried.map(({ enter }) => enter),
  ...step.stacked.map(({ each }) => each),
  ...step.shared.map(({ inner }) => inner),
];

/** Values that a body hands out after its last step. */
export const exitsOf = <L extends Level>(step: Extract<Step<L>, { kind: "repeat" }>): readonly Value<L>[] => [
  ...step.carried.map(({ leave }) => leave),
  ...step.collected.map(({ each }) => each),
];

export type Replacement<L extends Level> = (value: Value<L>) => Value<L>;

/** The step with every value that it reads, makes or has inside replaced. */
export function replaceInStep<L extends Level>(step: Step<L>, replace: Replacement<L>): Step<L> {
  const all = (values: readonly Value<L>[]): readonly Value<L>[] => values.map(replace);
  if (step.kind === "repeat")
    return {
      ...step,
      carried: step.carried.map(({ start, enter, leave, result }) => ({
        start: replace(start),
        enter: replace(enter),
        leave: replace(leave),
        result: replace(result),
      })),
      stacked: step.stacked.map(({ items, each }) => ({ items: all(items), each: replace(each) })),
      shared: step.shared.map(({ outer, inner }) => ({ outer: replace(outer), inner: replace(inner) })),
      collected: step.collected.map(({ each, items }) => ({ each: replace(each), items: all(items) })),
      body: replaceInSteps(step.body, replace),
    };
  if (step.kind === "gradient") {
    const replaced = { ...step, loss: replace(step.loss as Value<L>), by: all(step.by as readonly Value<L>[]) };
    return { ...replaced, outputs: all(step.outputs as readonly Value<L>[]) } as unknown as Step<L>;
  }
  const { inputs, outputs } = step as { inputs: readonly Value<L>[]; outputs: readonly Value<L>[] };
  return { ...step, inputs: all(inputs), outputs: all(outputs) } as Step<L>;
}

export const replaceInSteps = <L extends Level>(
  steps: readonly Step<L>[],
  replace: Replacement<L>,
): readonly Step<L>[] => steps.map((step) => replaceInStep(step, replace));

/** Every value of a graph, bodies included, as it is made. */
export function* valuesOf<L extends Level>(graph: Graph<L>): Generator<Value<L>> {
  for (const { value } of graph.inputs) yield value;
  yield* valuesMadeIn(graph.steps);
}

export function* valuesMadeIn<L extends Level>(steps: readonly Step<L>[]): Generator<Value<L>> {
  for (const step of steps) {
    if (step.kind === "repeat") {
      yield* entriesOf(step);
      yield* valuesMadeIn(step.body);
    }
    yield* makesOf(step);
  }
}

/** The highest value id of a graph, -1 if it has none: new ids start behind it. */
export function highestId(graph: Graph): number {
  let highest = -1;
  for (const { id } of valuesOf(graph)) highest = Math.max(highest, id);
  return highest;
}
