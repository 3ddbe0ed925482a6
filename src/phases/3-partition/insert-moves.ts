// Purpose: act on the decisions of `place`. Every op gets its inputs where its choice demands them, by collectives, by
// slices, or by making them again; padding that would count is filled; updates end where their state rests; results go
// where their reader expects them, whole for the host. Needs: a placed program. Leaves: one rank's program.
// Example: a gradient `[-, -] +dp` that AdamW reads beside a whole parameter gets an all-reduce right after it is made.
import type { StepPlace } from "../../ir/build.js";
import type { LocalGraph, LocalValue, OpStep, PlacedGraph, PlacedValue, RepeatStep, Step } from "../../ir/graph.js";
import { neutralFills, requiredPlacement } from "../../ir/local-typing.js";
import { type Placement, partialAxes, samePlacement, wholePlacement } from "../../ir/placement.js";
import type { PlacementPlan, Program } from "../../ir/program.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import type { State } from "../../ir/state.js";
import { stepLetters } from "../../ir/step-letters.js";
import { highestId } from "../../ir/steps.js";
import type { DType } from "../../ir/tensor-type.js";
import { bring, copiesOf, fill, localValue, type Moving, type MovingBlock, newBlock, orderedSteps } from "./moving.js";
import { narrows } from "./narrowing.js";
import { factsOf } from "./place.js";
import { floatingDims } from "./refit.js";
import { findTensorFlows, type TensorFlows } from "./tensor-flows.js";

export function insertMoves(program: Program<"placed">): Program<"local"> {
  const flows = findTensorFlows(program.main);
  const readers = flowReaders(program, flows);
  const facts = factsOf(program);
  const { layout, precision } = program;
  // The root keeps its parameters, as in PyTorch: without units, what is outside of repeats.
  const staysGathered = (state: State): boolean =>
    layout.shardUnits?.some((unit) => !unit.reshardAfterForward && unit.states.includes(state)) ?? true;
  const dtypeOf = (state: State): DType =>
    layout.shardUnits?.find(({ states }) => states.includes(state))?.reduceDtype ?? precision.reduce;
  const graphs = new Map(
    [...program.graphs].map(([name, graph]) => {
      let lastId = highestId(graph);
      const reduceDtypes = new Map(
        graph.inputs.flatMap(({ value, source }): [number, DType][] =>
          source.kind === "state" && source.state.kind === "parameter" ? [[value.id, dtypeOf(source.state)]] : [],
        ),
      );
      const kept = new Set(
        graph.inputs.flatMap(({ value, source }) =>
          source.kind === "state" && staysGathered(source.state) ? [value.id] : [],
        ),
      );
      const moving: Moving = { facts, reduceDtypes, kept, newId: () => ++lastId };
      const target = (result: string, value: PlacedValue): Placement => {
        const flow = flows.of(name, "result", result);
        return (flow === null ? undefined : readers.get(flow)) ?? wholePlacement(value.type.shape.length);
      };
      return [name, localGraph(graph, program.plan, target, moving)] as const;
    }),
  );
  return { ...program, level: "local", graphs };
}

/** Where the graphs that read a flow of tensors expect them. */
function flowReaders(program: Program<"placed">, flows: TensorFlows): ReadonlyMap<number, Placement> {
  const readers = new Map<number, Placement>();
  for (const graph of program.graphs.values())
    for (const { value, source } of graph.inputs) {
      if (source.kind !== "tensor") continue;
      const flow = flows.of(graph.name, "input", source.name);
      if (flow !== null) readers.set(flow, value.placement);
    }
  return readers;
}

const atEnd: StepPlace = { origin: null, scope: "", phase: "update" };

function localGraph(
  graph: PlacedGraph,
  plan: PlacementPlan,
  target: (result: string, value: PlacedValue) => Placement,
  moving: Moving,
): LocalGraph {
  const block = newBlock(null);
  const inputs = graph.inputs.map(({ value, source }) => {
    if (source.kind === "state") block.states.add(value.id);
    return { source, value: arrive(block, value) };
  });
  moveSteps(graph.steps, block, moving);
  const end = (value: PlacedValue): StepPlace => block.makers.get(value.id)?.place ?? atEnd;
  const updates = graph.updates.map(({ state, value }) => ({
    state,
    value: bring(block, value, plan.states.get(state)!.rest, { ...end(value), phase: "update" }, moving),
  }));
  const results = graph.results.map(({ name, value }) => ({
    name,
    value: bring(block, value, target(name, value), end(value), moving),
  }));
  const observed = graph.observed.map(({ label, value }) => ({ label, value: reducedCopy(block, value) }));
  return removeDeadSteps({
    level: "local",
    name: graph.name,
    inputs,
    steps: orderedSteps(block),
    results,
    updates,
    observed,
  });
}

/** A value of no step of this block. */
function arrive(block: MovingBlock, value: PlacedValue): LocalValue {
  const home = localValue(value);
  block.homes.set(value.id, home);
  block.floating.set(value.id, new Set());
  return home;
}

/** Whoever looks at a sum in parts rather sees it reduced, where somebody needs that anyway. */
function reducedCopy(block: MovingBlock, value: PlacedValue): LocalValue {
  const home = block.homes.get(value.id)!;
  if (partialAxes(home.placement).length === 0) return home;
  return [...copiesOf(block, value.id).values()].find(({ placement }) => partialAxes(placement).length === 0) ?? home;
}

function moveSteps(steps: readonly Step<"placed">[], block: MovingBlock, moving: Moving): void {
  for (const step of steps) {
    if (step.kind === "op") moveOp(step, block, moving);
    else moveRepeat(step, block, moving);
  }
}

function moveOp(step: OpStep<"placed">, block: MovingBlock, moving: Moving): void {
  const shapes = step.inputs.map(({ type }) => type.shape);
  const letters = stepLetters(step.op, shapes, step.attrs);
  const fills = neutralFills(step.op, step.attrs, letters, step.choice, moving.facts);
  const inputs = step.inputs.map((value, i) => {
    const there = bring(block, value, requiredPlacement(i, letters, step.choice, moving.facts), step, moving);
    return fills
      .filter(({ input }) => input === i)
      .reduce((now, { dim, fill: element }) => fill(block, now, dim, element, step, moving), there);
  });
  const outputs = step.outputs.map((value) => make(block, value, step, step));
  const [first] = step.inputs;
  // What is narrowed where it rests is gathered as the state is: anew in each phase.
  if (first && block.states.has(first.id) && narrows(step) && samePlacement(inputs[0]!.placement, first.placement)) {
    block.states.add(step.outputs[0]!.id);
    if (moving.kept.has(first.id)) moving.kept.add(step.outputs[0]!.id);
  }
  const floating = floatingDims(step, (value) => block.floating.get(value.id) ?? new Set());
  step.outputs.forEach(({ id }, o) => {
    block.floating.set(id, floating[o]!);
  });
  block.steps.push({ ...step, inputs, outputs });
}

function make(block: MovingBlock, value: PlacedValue, place: StepPlace, step: OpStep<"placed"> | null): LocalValue {
  const home = localValue(value);
  block.homes.set(value.id, home);
  block.makers.set(value.id, { step, place });
  return home;
}

function moveRepeat(step: RepeatStep<"placed">, block: MovingBlock, moving: Moving): void {
  const outers = new Map(step.shared.map(({ outer, inner }) => [inner.id, outer]));
  const body = newBlock({ block, outers, entries: [] });
  const { reduceDtypes } = moving;
  const learnDtype = (id: number, items: readonly PlacedValue[]): void => {
    const dtypes = new Set(items.map((item) => reduceDtypes.get(item.id)));
    const [dtype] = dtypes;
    if (dtypes.size === 1 && dtype !== undefined) reduceDtypes.set(id, dtype);
  };
  for (const { outer, inner } of step.shared) {
    if (block.states.has(outer.id)) body.states.add(inner.id);
    learnDtype(inner.id, [outer]);
  }
  const entering = step.carried.map(({ start, enter }) => ({
    start: bring(block, start, enter.placement, step, moving),
    enter: arrive(body, enter),
  }));
  const stacked = step.stacked.map(({ items, each }) => {
    if (items.every(({ id }) => block.states.has(id))) body.states.add(each.id);
    learnDtype(each.id, items);
    return { items: items.map((item) => bring(block, item, each.placement, step, moving)), each: arrive(body, each) };
  });
  moveSteps(step.body, body, moving);
  const carried = step.carried.map(({ enter, leave, result }, i) => ({
    ...entering[i]!,
    leave: bring(body, leave, enter.placement, body.makers.get(leave.id)?.place ?? step, moving),
    result: make(block, result, step, null),
  }));
  const collected = step.collected.map(({ each, items }) => ({
    each: bring(body, each, each.placement, step, moving),
    items: items.map((item) => make(block, item, step, null)),
  }));
  block.steps.push({
    ...step,
    carried,
    stacked,
    shared: body.surrounding!.entries,
    collected,
    body: orderedSteps(body),
  });
}
