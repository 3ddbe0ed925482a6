// A program as plain data, for other tools: ops and states by name, values by id with their types where they are made.
import type { Graph, Level, RepeatStep, Step, Value } from "./graph.js";
import type { Origin } from "./origin.js";
import { showPlacement } from "./placement-text.js";
import { sourceName } from "./print.js";
import { printHost } from "./print-host.js";
import type { PlacementPlan, Program } from "./program.js";

type Json = unknown;

export function programToJson<L extends Level>(program: Program<L>): Json {
  const plan = program.plan as PlacementPlan | null;
  return {
    level: program.level,
    name: program.name,
    file: program.file,
    config: program.config,
    mesh: program.mesh.degrees,
    precision: program.precision,
    modules: program.modules.map(({ path, className }) => ({ path, className })),
    states: program.states.map(({ of, origin: _, ...state }) => {
      const where = plan?.states.get(program.states.find(({ name }) => name === state.name)!);
      return {
        ...state,
        of: of?.name ?? null,
        ...(where ? { rest: showPlacement(where.rest), use: showPlacement(where.use) } : {}),
      };
    }),
    loaders: program.loaders,
    main: printHost(program.main),
    graphs: [...program.graphs.values()].map(graphToJson),
  };
}

export const graphToJson = (graph: Graph): Json => ({
  level: graph.level,
  name: graph.name,
  inputs: graph.inputs.map(({ value, source }) => ({
    ...made(value),
    source: source.kind,
    of: sourceName(source),
  })),
  steps: graph.steps.map(stepToJson),
  results: graph.results.map(({ name, value }) => ({ name, value: value.id })),
  updates: graph.updates.map(({ state, value }) => ({ state: state.name, value: value.id })),
  observed: graph.observed.map(({ label, value }) => ({ label, value: value.id })),
});

const ids = (values: readonly Value[]): readonly number[] => values.map(({ id }) => id);

const made = (value: Value): object => ({
  id: value.id,
  ...(value.name === "" ? {} : { name: value.name }),
  dtype: value.type.dtype,
  shape: value.type.shape,
  ...(value.gradientOf === null ? {} : { gradientOf: value.gradientOf }),
  ...("placement" in value ? { placement: showPlacement(value.placement) } : {}),
  ...("filled" in value ? { filled: value.filled } : {}),
  ...("turn" in value && value.turn ? { turn: value.turn } : {}),
});

function stepToJson(step: Step): Json {
  const place = { scope: step.scope, phase: step.phase, origin: originToJson(step.origin), ...timeOf(step) };
  if (step.kind === "repeat") return { ...repeatToJson(step), ...place };
  const outputs = (step.outputs as readonly Value[]).map(made);
  if (step.kind === "gradient") return { kind: step.kind, loss: step.loss.id, by: ids(step.by), outputs, ...place };
  const inputs = ids(step.inputs);
  switch (step.kind) {
    case "op": {
      const { choice } = step;
      const division =
        choice === null
          ? {}
          : {
              split: Object.fromEntries(choice.letters),
              cuts: Object.fromEntries(choice.cuts),
              pass: Object.fromEntries(choice.pass),
              ...(choice.turn ? { turn: choice.turn } : {}),
            };
      return { kind: step.kind, op: step.op.name, attrs: step.attrs as Json, inputs, outputs, ...division, ...place };
    }
    case "move":
      return { kind: step.kind, ...step.move, inputs, outputs, ...place };
    case "stage":
      return { kind: step.kind, ...step.act, inputs, outputs, ...place };
    case "join":
      return { kind: step.kind, axis: step.axis, dim: step.dim, inputs, outputs, ...place };
    case "fill":
      return { kind: step.kind, dim: step.dim, fill: step.fill, inputs, outputs, ...place };
  }
}

const timeOf = ({ microbatch }: Step): object => (microbatch === undefined ? {} : { microbatch });

const repeatToJson = (step: RepeatStep): object => ({
  kind: step.kind,
  count: step.count,
  carried: step.carried.map(({ start, enter, leave, result }) => ({
    start: start.id,
    enter: made(enter),
    leave: leave.id,
    result: made(result),
  })),
  stacked: step.stacked.map(({ items, each }) => ({ items: ids(items), each: made(each) })),
  shared: step.shared.map(({ outer, inner }) => ({ outer: outer.id, inner: made(inner) })),
  collected: step.collected.map(({ each, items }) => ({ each: each.id, items: items.map(made) })),
  body: step.body.map(stepToJson),
});

/** The place and the calls that led there, innermost first. */
function originToJson(origin: Origin | null): Json {
  const places: Json[] = [];
  for (let now = origin; now; now = now.caller)
    places.push({ file: now.place.file, line: now.place.line, column: now.place.column, inside: now.inside });
  return places;
}
