// One area holds all states, the same in every graph: parameters first, in the order of the model, so that those of
// repeated layers are one stride apart; then buffers, gradients and each kind of optimizer state, parallel to the parameters.
// Optimizer state that is offloaded is the end of the area: it rests in host memory. In a pipeline each place on axis pp has
// an area of its own, with what all places have in front, at the same bytes everywhere.
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
  /** By place on axis pp. */
  readonly areas: readonly {
    readonly bytes: Amount;
    /** How many of them, at the end, are in host memory. */
    readonly offloadedBytes: Amount;
  }[];
}

export function layOutStates(
  { states, plan, layout, pipelined }: Pick<Program<"local">, "states" | "plan" | "layout" | "pipelined">,
  lowering: Lowering,
): StateLayout {
  const homes = new Map<State, StateHome>();
  /** By place: where the next state goes, and where what is offloaded begins. */
  const ends = Array.from({ length: pipelined?.shape.numPlaces ?? 1 }, () => lowering.zero);
  const offloadedFrom: (Amount | undefined)[] = ends.map(() => undefined);
  const all = ends.map((_, place) => place);
  const layOut = (state: State): void => {
    const rest = plan.states.get(state)?.rest;
    if (!rest) throw new Error(`the plan has no placement for ${state.name}`);
    const shape = lowering.localShape({ type: state.type, placement: rest });
    const numElements = product(shape, lowering.numVariants);
    const place = pipelined?.homes.get(state) ?? null;
    const places = place === null ? all : [place];
    const isOffloaded = layout.offloadsOptimizer && state.kind === "optimizer";
    const start = places.map((each) => ends[each]!).reduce(larger);
    if (isOffloaded) for (const each of places) offloadedFrom[each] ??= start;
    const buffer: Buffer = {
      kind: "buffer",
      name: state.name,
      dtype: state.type.dtype,
      numElements,
      home: { kind: "state", state, offset: start },
    };
    const localShapes = lowering.variants.map((_, variant) => shape.map((size) => size[variant]!));
    homes.set(state, { state, buffer, localShapes, rest, isOffloaded, ...(place === null ? {} : { place }) });
    const next = aligned(plus(start, times(numElements, lowering.amount(numBytesOf[state.type.dtype]))));
    for (const each of places) ends[each] = next;
  };
  const isResident = ({ kind }: State): boolean => !(layout.offloadsOptimizer && kind === "optimizer");
  const isEverywhere = (state: State): boolean => (pipelined?.homes.get(state) ?? null) === null;
  const ordered = inOrder(states);
  for (const resident of [true, false])
    for (const everywhere of pipelined ? [true, false] : [true])
      for (const state of ordered)
        if (isResident(state) === resident && isEverywhere(state) === everywhere) layOut(state);
  const areas = ends.map((bytes, place) => ({
    bytes,
    offloadedBytes: bytes.map((end, variant) => end - (offloadedFrom[place]?.[variant] ?? end)),
  }));
  return { homes: ordered.map((state) => homes.get(state)!), areas };
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
