// Purpose: a repeat whose collected items are all moved the same way afterwards moves them itself, round by round, so
// that the reduction of a layer's gradients runs while the next layer's backward pass computes. Likewise a gather of all
// items of a stacked operand, so that one round's parameters are whole at a time. Needs and leaves: a local program.
// Example: 12 all-reduces after the backward repeat become one in its body.
import type { LocalGraph, LocalValue, MoveStep, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import { sameCut } from "../../ir/placement.js";
import type { Program } from "../../ir/program.js";
import { highestId } from "../../ir/steps.js";
import { type Readers, readersOf } from "./readers.js";

export function moveIntoRepeats(program: Program<"local">): Program<"local"> {
  const graphs = new Map([...program.graphs].map(([name, graph]) => [name, rewriteGraph(graph)] as const));
  return { ...program, graphs };
}

function rewriteGraph(graph: LocalGraph): LocalGraph {
  let lastId = highestId(graph);
  const steps = rewriteSteps(graph.steps, readersOf(graph), () => ++lastId);
  return steps === graph.steps ? graph : { ...graph, steps };
}

/** A list of steps on its way. Readers are those of the graph before: no move changes who reads another value. */
interface Rewriting {
  readonly readers: Readers;
  readonly newId: () => number;
  /** The steps of this list, as they were. */
  readonly here: ReadonlySet<Step<"local">>;
  /** Moves of this list by what they make. */
  readonly makers: ReadonlyMap<number, MoveStep>;
  /** Moves that have gone into a repeat. */
  readonly gone: Set<Step<"local">>;
}

/** The same list where there is nothing to move. */
function rewriteSteps(
  steps: readonly Step<"local">[],
  readers: Readers,
  newId: () => number,
): readonly Step<"local">[] {
  const rewriting: Rewriting = {
    readers,
    newId,
    here: new Set(steps),
    makers: new Map(steps.flatMap((step) => (step.kind === "move" ? [[step.outputs[0].id, step] as const] : []))),
    gone: new Set(),
  };
  const changed = new Map<Step<"local">, Step<"local">>();
  for (const step of steps) {
    if (step.kind !== "repeat") continue;
    const body = rewriteSteps(step.body, readers, newId);
    let now = body === step.body ? step : { ...step, body };
    for (;;) {
      const next = moveCollected(now, rewriting) ?? moveStacked(now, step, rewriting);
      if (!next) break;
      now = next;
    }
    if (now !== step) changed.set(step, now);
  }
  if (changed.size === 0) return steps;
  return steps.filter((step) => !rewriting.gone.has(step)).map((step) => changed.get(step) ?? step);
}

const sameMove = (a: MoveStep, b: MoveStep): boolean =>
  sameCut(a.move, b.move) &&
  (["what", "axis", "dim", "to", "reduction"] as const).every((key) => a.move[key] === b.move[key]);

/** What may go into a repeat with a move: the move, or a cast in whose type it is made. */
export type Movable = MoveStep | OpStep<"local">;

export function sameMovable(a: Movable, b: Movable): boolean {
  if (a.kind === "move") return b.kind === "move" && sameMove(a, b);
  if (b.kind === "move" || a.op !== b.op) return false;
  const text = ({ attrs, choice: { letters, cuts, pass } }: OpStep<"local">): string =>
    JSON.stringify([attrs, [...letters], [...cuts], [...pass]]);
  return text(a) === text(b);
}

/** The repeat with the moves of one collected value in its body; null where there are none left. */
function moveCollected(repeat: RepeatStep<"local">, rewriting: Rewriting): RepeatStep<"local"> | null {
  const { readers, newId, here, gone } = rewriting;
  for (const entry of repeat.collected) {
    const moves = entry.items.map(({ id }) => onlyMove(readers, id, here));
    const [first] = moves;
    if (!first || !moves.every((move): move is Movable => move !== null && sameMovable(move, first))) continue;
    const each: LocalValue = {
      ...first.outputs[0]!,
      id: newId(),
      name: entry.each.name,
      gradientOf: entry.each.gradientOf,
    };
    const inside: Movable = { ...first, inputs: [entry.each], outputs: [each] };
    const items = moves.map((move) => move.outputs[0]!);
    const collected = repeat.collected.map((other) => (other === entry ? { each, items } : other));
    for (const move of moves) gone.add(move);
    return { ...repeat, collected, body: after(repeat.body, entry.each.id, inside) };
  }
  return null;
}

/** The move that alone reads a value, or the cast before such a move, if that is in the same list. */
function onlyMove(readers: Readers, id: number, here: ReadonlySet<Step<"local">>): Movable | null {
  const [reader, ...others] = readers.get(id) ?? [];
  if (!reader || others.length > 0 || !here.has(reader)) return null;
  if (reader.kind === "move") return reader;
  if (reader.kind !== "op" || !isCast(reader)) return null;
  return onlyMove(readers, reader.outputs[0]!.id, here)?.kind === "move" ? reader : null;
}

/** One value in another element type. */
export function isCast({ inputs, outputs }: OpStep<"local">): boolean {
  const [input, ...others] = inputs;
  const [output, ...more] = outputs;
  if (!input || !output || others.length > 0 || more.length > 0) return false;
  return input.type.dtype !== output.type.dtype && String(input.type.shape) === String(output.type.shape);
}

/** Right after the step that makes the value; at the start where none does. */
function after(body: readonly Step<"local">[], id: number, inserted: Step<"local">): readonly Step<"local">[] {
  const makes = (step: Step<"local">): boolean =>
    step.kind === "repeat"
      ? step.carried.some(({ result }) => result.id === id) ||
        step.collected.some(({ items }) => items.some((item) => item.id === id))
      : step.outputs.some((output) => output.id === id);
  const at = body.findIndex(makes);
  return [...body.slice(0, at + 1), inserted, ...body.slice(at + 1)];
}

/** The repeat with the gathers of one stacked operand in its body. `asRead` is the repeat that readers name. */
function moveStacked(
  repeat: RepeatStep<"local">,
  asRead: RepeatStep<"local">,
  { readers, newId, makers, gone }: Rewriting,
): RepeatStep<"local"> | null {
  for (const entry of repeat.stacked) {
    const moves = entry.items.map(({ id }) => makers.get(id));
    const [first] = moves;
    if (first?.move.what !== "all-gather") continue;
    const isRead = entry.items.every(({ id }) => readers.get(id)!.every((reader) => reader === asRead));
    if (!isRead || !moves.every((move): move is MoveStep => move !== undefined && sameMove(move, first))) continue;
    if (moves.some((move) => gone.has(move))) continue;
    const each: LocalValue = {
      ...first.inputs[0],
      id: newId(),
      name: entry.each.name,
      gradientOf: entry.each.gradientOf,
    };
    const { origin, scope, phase } = repeat;
    const place = { origin, scope, phase };
    const inside: MoveStep = { kind: "move", move: first.move, ...place, inputs: [each], outputs: [entry.each] };
    const items = moves.map((move) => move.inputs[0]);
    const stacked = repeat.stacked.map((other) => (other === entry ? { items, each } : other));
    for (const move of moves) gone.add(move);
    return { ...repeat, stacked, body: [inside, ...repeat.body] };
  }
  return null;
}
