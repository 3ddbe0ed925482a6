// Purpose: parameters of a repeat whose FSDP unit is not resharded after forward are gathered in its forward rounds alone:
// these hand out what they gather, and the backward rounds take it. Needs: a local program whose gathers are in the bodies.
// Leaves: the same with one gather for each such parameter.
import type { LocalGraph, LocalValue, MoveStep, RepeatStep, Step } from "../../ir/graph.js";
import type { ShardUnit } from "../../ir/layout.js";
import type { Program } from "../../ir/program.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId } from "../../ir/steps.js";
import { isCast, type Movable, sameMovable } from "./move-into-repeats.js";

export function keepGathered(program: Program<"local">): Program<"local"> {
  const kept = (program.layout.shardUnits ?? []).filter(({ reshardAfterForward }) => !reshardAfterForward);
  if (kept.length === 0) return program;
  const graphs = new Map([...program.graphs].map(([name, graph]) => [name, rewriteGraph(graph, kept)] as const));
  return { ...program, graphs };
}

type Repeat = RepeatStep<"local">;

/** A gather in a body, of what is stacked there. */
interface Gather {
  readonly move: MoveStep;
  /** What is done to the stacked operand before, first to last: casts, gathers over inner axes. */
  readonly steps: readonly Movable[];
  readonly items: readonly LocalValue[];
}

function rewriteGraph(graph: LocalGraph, kept: readonly ShardUnit[]): LocalGraph {
  const states = new Set(kept.flatMap((unit) => unit.states));
  const ids = new Set(
    graph.inputs.flatMap(({ value, source }) =>
      source.kind === "state" && states.has(source.state) ? [value.id] : [],
    ),
  );
  let lastId = highestId(graph);
  const newId = (): number => ++lastId;
  /** Forward repeats, and what they gather and hand out by now. */
  const forward: { repeat: Repeat; readonly gathers: readonly Gather[] }[] = [];
  const steps = graph.steps.map((step): Step<"local"> | (() => Step<"local">) => {
    if (step.kind !== "repeat") return step;
    const gathers = gathersOf(step, ids);
    if (step.phase === "forward") {
      const entry = { repeat: step, gathers };
      forward.push(entry);
      return () => entry.repeat;
    }
    return step.phase === "backward"
      ? gathers.reduce((now, gather) => takeOver(now, gather, forward, newId), step)
      : step;
  });
  if (forward.length === 0) return graph;
  return removeDeadSteps({ ...graph, steps: steps.map((step) => (typeof step === "function" ? step() : step)) });
}

/** The last gathers of parameters of some ids that a body makes of its stacked operands. */
function gathersOf({ stacked, body }: Repeat, ids: ReadonlySet<number>): readonly Gather[] {
  const ways = new Map<number, Pick<Gather, "steps" | "items">>();
  for (const { items, each } of stacked)
    if (items.every(({ id }) => ids.has(id))) ways.set(each.id, { steps: [], items });
  const gathers = new Map<number, Gather>();
  for (const step of body) {
    if (step.kind === "repeat" || step.kind === "fill" || step.inputs.length !== 1 || step.outputs.length !== 1)
      continue;
    const way = ways.get(step.inputs[0]!.id);
    const isGather = step.kind === "move" && step.move.what === "all-gather";
    if (!way || !(isGather || (step.kind === "op" && isCast(step)))) continue;
    const next = { steps: [...way.steps, step], items: way.items };
    ways.set(step.outputs[0]!.id, next);
    gathers.delete(step.inputs[0]!.id);
    if (isGather) gathers.set(step.outputs[0]!.id, { move: step, ...next });
  }
  return [...gathers.values()];
}

/** The backward repeat with what a forward one has gathered, if one has. */
function takeOver(
  repeat: Repeat,
  gather: Gather,
  forward: { repeat: Repeat; readonly gathers: readonly Gather[] }[],
  newId: () => number,
): Repeat {
  for (const entry of forward)
    for (const earlier of entry.gathers) {
      const places = gather.items.map(({ id }) => earlier.items.findIndex((item) => item.id === id));
      const isAlike =
        earlier.items.length === gather.items.length &&
        places.every((place) => place >= 0) &&
        earlier.steps.length === gather.steps.length &&
        earlier.steps.every((step, i) => sameMovable(step, gather.steps[i]!));
      if (!isAlike) continue;
      const [each] = earlier.move.outputs;
      const known = entry.repeat.collected.find((collected) => collected.each.id === each.id);
      const items = known?.items ?? earlier.items.map(({ name }): LocalValue => ({ ...each, id: newId(), name }));
      if (!known) entry.repeat = { ...entry.repeat, collected: [...entry.repeat.collected, { each, items }] };
      const [inside] = gather.move.outputs;
      return {
        ...repeat,
        stacked: [...repeat.stacked, { items: places.map((place) => items[place]!), each: inside }],
        body: repeat.body.filter((step) => step !== gather.move),
      };
    }
  return repeat;
}
