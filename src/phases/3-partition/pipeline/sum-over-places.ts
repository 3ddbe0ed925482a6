// Sums of numbers that several places of a pipeline have, such as the norm of all gradients: each place adds up its own,
// and what it has is a term of a sum over axis pp.
import type { LocalValue, OpStep, RepeatStep, Step } from "../../../ir/graph.js";
import { type PipelineShape, placeOfStage } from "../../../ir/pipeline.js";
import { someRounds } from "./cut-repeat.js";

type Repeat = RepeatStep<"local">;

/** Whether an op is linear in all its inputs together. */
export const isJoint = (step: OpStep<"local">): boolean => jointSet(step) !== null;

function jointSet({ op, inputs, attrs }: OpStep<"local">): readonly number[] | null {
  return op.linear(inputs.length, attrs).find((set) => set.length === inputs.length) ?? null;
}

/** A value as a term of a sum over places. */
export const overPlaces = (value: LocalValue): LocalValue => ({
  ...value,
  placement: { dims: value.placement.dims, partial: { ...value.placement.partial, pp: "sum" } },
});

/** The op with all its inputs, which are sums over places already, and its result as such sums. */
export function toSum(step: OpStep<"local">): OpStep<"local"> {
  const set = jointSet(step);
  if (!set) throw new Error(`${step.op.name} is no sum`);
  const pass = new Map([...step.choice.pass, ["pp", set] as const]);
  return { ...step, outputs: step.outputs.map(overPlaces), choice: { ...step.choice, pass } };
}

/** By carried value: the ids of what its running total is, from the start of a round to its end. */
export interface Total {
  readonly chain: ReadonlySet<number>;
}

/** Null where something that is carried is no running total of numbers, or where more than totals leaves. */
export function totalsOf(step: Repeat): readonly Total[] | null {
  if (step.carried.length === 0 || step.collected.length > 0) return null;
  const totals = step.carried.map(({ enter, leave }): Total | null => {
    const chain = new Set([enter.id]);
    if (enter.type.shape.length > 0) return null;
    let now = enter.id;
    while (now !== leave.id) {
      const readers = step.body.filter((inner) => inner.kind !== "repeat" && inner.inputs.some(({ id }) => id === now));
      const nested = step.body.some((inner) => inner.kind === "repeat" && readsInside(inner, now));
      const [reader, ...more] = readers;
      if (reader?.kind !== "op" || more.length > 0 || nested || !isJoint(reader) || reader.outputs.length !== 1)
        return null;
      now = reader.outputs[0]!.id;
      chain.add(now);
    }
    return { chain };
  });
  return totals.every((total) => total !== null) ? totals : null;
}

const readsInside = (step: Repeat, id: number): boolean =>
  step.carried.some(({ start }) => start.id === id) ||
  step.stacked.some(({ items }) => items.some((item) => item.id === id)) ||
  step.shared.some(({ outer }) => outer.id === id);

/** The repeat of running totals as sums over places, whole and for each place that has rounds of it. */
export function asTotals(
  original: Repeat,
  starts: readonly LocalValue[],
  totals: readonly Total[],
  stages: readonly number[],
  shape: PipelineShape,
  newId: () => number,
): { readonly step: Repeat; readonly rounds: ReadonlyMap<number, Repeat> } {
  const chain = new Set(totals.flatMap((total) => [...total.chain]));
  const summed = (value: LocalValue): LocalValue => (chain.has(value.id) ? overPlaces(value) : value);
  const body = original.body.flatMap((inner): readonly Step<"local">[] => {
    if (inner.kind !== "op" || !inner.outputs.some(({ id }) => chain.has(id))) return [inner];
    const terms: Step<"local">[] = [];
    const inputs = inner.inputs.map((value) => {
      if (chain.has(value.id)) return summed(value);
      const term = { ...overPlaces(value), id: newId(), filled: value.filled.map(() => null) };
      const { origin, scope, phase } = inner;
      terms.push({
        kind: "stage",
        act: { what: "contribute" },
        inputs: [value],
        outputs: [term],
        origin,
        scope,
        phase,
      });
      return term;
    });
    return [...terms, toSum({ ...inner, inputs })];
  });
  const carried = original.carried.map(({ enter, leave, result }, i) => ({
    start: starts[i]!,
    enter: summed(enter),
    leave: summed(leave),
    result: { ...overPlaces(result), id: newId() },
  }));
  const step: Repeat = { ...original, carried, body };
  const rounds = new Map<number, Repeat>();
  for (let place = 0; place < shape.numPlaces; place++) {
    const own = stages.flatMap((stage, round) => (placeOfStage(stage, shape) === place ? [round] : []));
    if (own.length > 0) rounds.set(place, someRounds(step, own));
  }
  return { step, rounds };
}
