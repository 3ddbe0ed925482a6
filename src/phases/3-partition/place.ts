// Purpose: decide where every value lies. Per op, the letters that each axis splits; per value, the placement that
// follows. Needs: a logical program whose gradients are made. Leaves: a placed program, in which an op's choice and its
// inputs' placements may disagree: `insert-moves` mends that. Nothing depends on how large an open degree is.
// Example: batch `[dp, -]` times a whole weight gives `[dp, -]`; the weight's gradient is `[-, -] +dp`.
import type { LogicalGraph, LogicalValue, OpStep, PlacedGraph, Value } from "../../ir/graph.js";
import { type Mark, markWith } from "../../ir/layout.js";
import { type MeshFacts, meshFacts } from "../../ir/mesh-facts.js";
import { type Axis, notSplit, type Placement, reducedPlacement, wholePlacement } from "../../ir/placement.js";
import type { PlacementPlan, Program } from "../../ir/program.js";
import { highestId } from "../../ir/steps.js";
import { findGradientSums } from "./find-gradient-sums.js";
import { findUnits } from "./find-units.js";
import { narrowedValues } from "./narrowing.js";
import { placeSteps } from "./place-steps.js";
import { type Block, countReads, learn, lookUp, type Placing } from "./placing.js";
import { alwaysSummed, type PlanOptions, planFor, planStates } from "./plan-states.js";
import { sayPlacements } from "./say-placements.js";
import { findTensorFlows, type TensorFlows } from "./tensor-flows.js";

/** `given`: where states, batches and marks lie; null: what the mesh and the layout say. */
export function place(program: Program<"logical">, given: PlacementPlan | null = null): Program<"placed"> {
  const facts = factsOf(program);
  const placed = (plan: PlacementPlan): Program<"placed"> => {
    const graphs = placeGraphs(program, plan, facts);
    return { ...program, level: "placed", plan, graphs, main: sayPlacements(program.main, plan) };
  };
  if (given) return placed(given);
  const options = optionsFor(program);
  const planned = (more: Partial<PlanOptions>): PlacementPlan =>
    planStates(facts, program.states, program.loaders, { ...options, ...more });
  const first = placed(planned({}));
  // Where gradients that wait for more of them rest follows from how they come.
  if (!program.states.some(({ kind }) => kind === "gradient")) return first;
  const sums = findGradientSums(first.graphs.values());
  const isKnown = [...sums.values()].flat().every((axis) => alwaysSummed.includes(axis));
  return isKnown ? first : placed(planned({ sums: (parameter) => sums.get(parameter) ?? [] }));
}

function optionsFor({ layout, graphs, mesh }: Program<"logical">): PlanOptions {
  return planFor(layout, layout.uses.size === 0 ? () => 1 : findUnits(graphs.values(), mesh));
}

function placeGraphs(
  program: Program<"logical">,
  plan: PlacementPlan,
  facts: MeshFacts,
): ReadonlyMap<string, PlacedGraph> {
  const dealing: readonly Axis[] = program.layout.balancesSequence ? ["cp"] : [];
  const flows = findTensorFlows(program.main);
  const known = new Map<number, Placement>();
  const placed = new Map<string, PlacedGraph>();
  const order = [...flows.graphs, ...[...program.graphs.keys()].filter((name) => !flows.graphs.includes(name))];
  for (const name of order) {
    const graph = program.graphs.get(name);
    if (!graph) throw new Error(`the host code runs a graph "${name}" that is not there`);
    placed.set(name, placeGraph(graph, { facts, plan, dealing, flows, known }));
  }
  return new Map([...program.graphs.keys()].map((name) => [name, placed.get(name)!]));
}

export const factsOf = (program: Pick<Program, "mesh" | "loaders" | "computedBatches">): MeshFacts =>
  meshFacts(program.mesh, [...program.loaders.map(({ batchSize }) => batchSize), ...program.computedBatches]);

interface Surroundings {
  readonly facts: MeshFacts;
  readonly plan: PlacementPlan;
  readonly dealing: readonly Axis[];
  readonly flows: TensorFlows;
  /** By number of a flow: where tensors lie that pass from graph to graph. */
  readonly known: Map<number, Placement>;
}

function placeGraph(graph: LogicalGraph, around: Surroundings): PlacedGraph {
  let lastId = highestId(graph);
  const markOf = ({ op, attrs }: OpStep<"logical">): Mark | null => {
    const name = op.mark?.(attrs);
    const mark = name === undefined ? undefined : around.plan.marks.get(name);
    return mark ? markWith(mark, (dim) => op.markedDim?.(attrs, dim) ?? dim) : null;
  };
  const { facts, dealing } = around;
  const placing: Placing = { facts, newId: () => ++lastId, markOf, dealing, known: new Map() };
  const inputs = graph.inputs.map(({ value, source }) => ({
    source,
    value: placeInput(graph.name, { value, source }, around, placing),
  }));
  const others = [...graph.results, ...graph.updates].map(({ value }) => value);
  const block: Block = {
    reads: countReads(graph.steps, others),
    narrowed: narrowedValues(graph.steps),
    copies: new Map(),
    steps: [],
  };
  placeSteps(graph.steps, block, placing);
  const placedValue = (value: LogicalValue): Value<"placed"> => lookUp(placing, value).placed;
  const results = graph.results.map(({ name, value }) => ({ name, value: placedValue(value) }));
  for (const { name, value } of results) {
    const flow = around.flows.of(graph.name, "result", name);
    if (flow !== null && !around.known.has(flow)) around.known.set(flow, reducedPlacement(value.placement));
  }
  return {
    level: "placed",
    name: graph.name,
    inputs,
    steps: block.steps,
    results,
    updates: graph.updates.map(({ state, value }) => ({ state, value: placedValue(value) })),
    observed: graph.observed.map(({ label, value }) => ({ label, value: placedValue(value) })),
  };
}

/** A batch is there as a whole and used in microbatches, one behind the other. */
function inTime({ dims, partial }: Placement, { facts }: Placing): Placement {
  const [first, ...others] = dims;
  if (first === undefined || !facts.axes.includes("microbatch")) return { dims, partial };
  return { dims: [{ ...first, axes: [...first.axes, "microbatch"] }, ...others], partial };
}

/** What passes from graph to graph is whole in time. */
const outOfTime = ({ dims, partial }: Placement): Placement => ({
  dims: dims.map(({ axes, unit }) => {
    const left = axes.filter((axis) => axis !== "microbatch");
    return left.length === 0 ? notSplit : { axes: left, unit };
  }),
  partial,
});

function placeInput(
  graph: string,
  { value, source }: LogicalGraph["inputs"][number],
  { plan, flows, known }: Surroundings,
  placing: Placing,
): Value<"placed"> {
  const whole = wholePlacement(value.type.shape.length);
  switch (source.kind) {
    case "state": {
      const where = plan.states.get(source.state);
      if (!where) throw new Error(`the plan has no placement for ${source.state.name}`);
      const isParameter = source.state.kind === "parameter";
      const owner = source.state.kind === "gradient" && source.state.of ? plan.states.get(source.state.of) : undefined;
      const primal = owner ? { ...owner, isParameter: true } : null;
      return learn(placing, value, where.rest, { use: where.use, isParameter, primal });
    }
    case "batch": {
      const placement = plan.batch.get(source.field);
      if (!placement) throw new Error(`the plan has no placement for the batch field ${source.field}`);
      return learn(placing, value, placement, { use: inTime(placement, placing) });
    }
    case "scalar":
      return learn(placing, value, whole);
    case "tensor": {
      const flow = flows.of(graph, "input", source.name);
      if (flow !== null && !known.has(flow)) known.set(flow, whole);
      if (flow === null) return learn(placing, value, whole);
      return learn(placing, value, outOfTime(known.get(flow)!), { use: known.get(flow)! });
    }
  }
}
