// Purpose: a gather and the op that reads it become rounds: each rank works on its own piece while that is on its way to
// the next rank, then on the piece that came, until all have been everywhere. Results without the gathered letter are
// merged as the record says; sums that were to be scattered travel along and come home. Needs: a local program with its
// moves in repeats. Leaves: one with fewer gathers. Example: attention whose keys are gathered over cp becomes a ring.
import type { LocalGraph, LocalValue, Step } from "../../../ir/graph.js";
import type { Layout } from "../../../ir/layout.js";
import { liveAxes } from "../../../ir/mesh.js";
import type { MeshFacts } from "../../../ir/mesh-facts.js";
import type { Program } from "../../../ir/program.js";
import { removeDeadSteps } from "../../../ir/remove-dead-steps.js";
import { highestId, makesOf, readsOf } from "../../../ir/steps.js";
import { factsOf } from "../place.js";
import { type Readers, readersOf } from "../readers.js";
import { emitRounds, fillsByGather, homeOf } from "./emit-rounds.js";
import { findRounds, type Rounds, type RoundsAllowed, type Surroundings } from "./find-rounds.js";
import { linkOnParts, partOf } from "./find-scatter.js";

export function makeRounds(program: Program<"local">): Program<"local"> {
  const facts = factsOf(program);
  const live = liveAxes(program.mesh);
  const allowed = allowedBy(program.layout).filter(({ axis }) => live.includes(axis));
  if (allowed.length === 0) return program;
  const graphs = new Map(
    [...program.graphs].map(([name, graph]) => [name, roundsInGraph(graph, allowed, facts)] as const),
  );
  return { ...program, graphs };
}

const allowedBy = ({ rotateMethod, asyncTensorParallel }: Layout): readonly RoundsAllowed[] => [
  ...(rotateMethod === "alltoall" ? [{ axis: "cp", scatters: false, keepsPieces: false } as const] : []),
  ...(asyncTensorParallel ? [{ axis: "tp", scatters: true, keepsPieces: true } as const] : []),
];

interface InGraph {
  readonly allowed: readonly RoundsAllowed[];
  readonly facts: MeshFacts;
  readonly readers: Readers;
  readonly activations: ReadonlySet<number>;
  readonly newId: () => number;
}

function roundsInGraph(graph: LocalGraph, allowed: readonly RoundsAllowed[], facts: MeshFacts): LocalGraph {
  let lastId = highestId(graph);
  const given = graph.inputs.flatMap(({ value, source }) =>
    source.kind === "batch" || source.kind === "tensor" ? [value.id] : [],
  );
  const activations = new Set(given);
  spread(graph.steps, activations);
  const readers = readersOf(graph);
  const steps = roundsIn(graph.steps, { allowed, facts, readers, activations, newId: () => ++lastId });
  return steps === graph.steps ? graph : removeDeadSteps({ ...graph, steps });
}

/** Adds everything that depends on the values of the set. */
function spread(steps: readonly Step<"local">[], known: Set<number>): void {
  const add = (from: LocalValue, to: LocalValue): void => {
    if (known.has(from.id)) known.add(to.id);
  };
  for (const step of steps) {
    if (step.kind !== "repeat") {
      // What another stage sends is made of its batch.
      const isReceived = step.kind === "stage" && readsOf(step).length === 0;
      if (isReceived || readsOf(step).some(({ id }) => known.has(id)))
        for (const { id } of makesOf(step)) known.add(id);
      continue;
    }
    for (const { items, each } of step.stacked) for (const item of items) add(item, each);
    for (const { outer, inner } of step.shared) add(outer, inner);
    for (;;) {
      const before = known.size;
      for (const { start, enter, leave } of step.carried) {
        add(start, enter);
        add(leave, enter);
      }
      spread(step.body, known);
      if (known.size === before) break;
    }
    for (const { leave, result } of step.carried) add(leave, result);
    for (const { each, items } of step.collected) for (const item of items) add(each, item);
  }
}

/** The same list where nothing goes in rounds. */
function roundsIn(steps: readonly Step<"local">[], graph: InGraph): readonly Step<"local">[] {
  const makers = new Map(steps.flatMap((step) => makesOf(step).map(({ id }) => [id, step] as const)));
  const around = { ...graph, makers };
  const found = findRounds(steps, graph.allowed, around);
  const onParts = new Map([...found.values()].flatMap((rounds) => [...behindSums(rounds, around)]));
  const travelled = new Map<string, LocalValue>();
  const fills = fillsByGather(found.values(), graph.facts);
  let isSame = true;
  const result = steps.flatMap((step): readonly Step<"local">[] => {
    const replaced = onParts.get(step);
    if (replaced) return replaced;
    const rounds = found.get(step);
    if (rounds) {
      isSame = false;
      return emitRounds(rounds, { ...graph, travelled, fills });
    }
    if (step.kind !== "repeat") return [step];
    const body = roundsIn(step.body, graph);
    if (body === step.body) return [step];
    isSame = false;
    return [{ ...step, body }];
  });
  return isSame ? steps : result;
}

/** What stands in the place of scatters, and of the ops between a sum and its scatter. */
function behindSums(
  rounds: Rounds,
  around: Surroundings & { readonly newId: () => number },
): ReadonlyMap<Step<"local">, readonly Step<"local">[]> {
  const replaced = new Map<Step<"local">, readonly Step<"local">[]>();
  rounds.outputs.forEach((going, o) => {
    if (going.kind !== "comes home") return;
    const { links, move } = going.scatter;
    let sum = homeOf(rounds, o);
    links.forEach((link, i) => {
      const result = i === links.length - 1 ? move.outputs[0] : partOf(link, rounds.axis, around);
      replaced.set(link.step, linkOnParts(link, sum, result, rounds.axis, around));
      sum = result;
    });
    replaced.set(move, []);
  });
  return replaced;
}
