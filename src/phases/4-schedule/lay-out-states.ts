// One area holds all states, the same in every graph: parameters first, in the order of the model, so that those of
// repeated layers are one stride apart; then buffers, gradients and each kind of optimizer state, parallel to the parameters.
// Optimizer state that is offloaded is the end of the area: it rests in host memory.
import type { Program } from "../../ir/program.js";
import type { Amount, Buffer, StateHome } from "../../ir/scheduled.js";
import type { State, StateKind } from "../../ir/state.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { larger, plus, product, times } from "./amounts.js";
import type { Lowering } from "./lowering.js";

export const alignment = 64;
export const aligned = (bytes: Amount): Amount => bytes.map((each) => Math.ceil(each / alignment) * alignment);

const kinds: readonly StateKind[] = ["parameter", "buffer", "gradient", "optimizer"];

export interface StateLayout {
  readonly homes: readonly StateHome[];
  readonly bytes: Amount;
  /** How many of them, at the end, are in host memory. */
  readonly offloadedBytes: Amount;
}

export function layOutStates(
  { states, plan, layout, pipelined }: Pick<Program<"local">, "states" | "plan" | "layout" | "pipelined">,
  lowering: Lowering,
): StateLayout {
  const homes: StateHome[] = [];
  /** By place on axis pp: each has the states of its own stages. */
  const ends = Array.from({ length: pipelined?.shape.numPlaces ?? 1 }, () => lowering.zero);
  const endOf = (places: readonly number[]): Amount => places.map((place) => ends[place]!).reduce(larger);
  const all = ends.map((_, place) => place);
  let offloadedFrom: Amount | null = null;
  for (const state of inOrder(states)) {
    const rest = plan.states.get(state)?.rest;
    if (!rest) throw new Error(`the plan has no placement for ${state.name}`);
    const shape = lowering.localShape({ type: state.type, placement: rest });
    const numElements = product(shape, lowering.numVariants);
    const place = pipelined?.homes.get(state) ?? null;
    const places = place === null ? all : [place];
    const isOffloaded = layout.offloadsOptimizer && state.kind === "optimizer";
    if (isOffloaded && offloadedFrom === null) {
      offloadedFrom = endOf(all);
      ends.fill(offloadedFrom);
    }
    const start = endOf(places);
    const buffer: Buffer = {
      kind: "buffer",
      name: state.name,
      dtype: state.type.dtype,
      numElements,
      home: { kind: "state", state, offset: start },
    };
    const localShapes = lowering.variants.map((_, variant) => shape.map((size) => size[variant]!));
    homes.push({ state, buffer, localShapes, rest, isOffloaded, ...(place === null ? {} : { place }) });
    const next = aligned(plus(start, times(numElements, lowering.amount(numBytesOf[state.type.dtype]))));
    for (const each of places) ends[each] = next;
  }
  const end = endOf(all);
  const from = offloadedFrom ?? end;
  return { homes, bytes: end, offloadedBytes: end.map((bytes, variant) => bytes - from[variant]!) };
}

function inOrder(states: readonly State[]): readonly State[] {
  const position = new Map(states.map((state, i) => [state, i]));
  const families = new Map<string, number>();
  const keyed = states.map((state, i) => {
    const family = state.of ? state.name.replace(state.of.name, "*") : "";
    if (!families.has(family)) families.set(family, families.size);
    return {
      state,
      kind: kinds.indexOf(state.kind),
      family: families.get(family)!,
      at: state.of ? position.get(state.of)! : i,
    };
  });
  return keyed.sort((a, b) => a.kind - b.kind || a.family - b.family || a.at - b.at).map(({ state }) => state);
}
