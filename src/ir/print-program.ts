// The text of a program: what shaped it, what it keeps, its host code as pseudo code, and its graphs.
import type { Level } from "./graph.js";
import type { Pipelined } from "./pipeline.js";
import { drawTable } from "./pipeline-clock.js";
import { axisOrder, type Mesh } from "./placement.js";
import { showPlacement } from "./placement-text.js";
import { type PrintOptions, printGraph, showName, wholePaths } from "./print.js";
import { HostNames, printExpression, printHost } from "./print-host.js";
import type { ConfigEntry, Loader, PlacementPlan, Program } from "./program.js";
import type { State } from "./state.js";
import { showType } from "./tensor-type.js";

export function printProgram<L extends Level>(program: Program<L>, options: PrintOptions = wholePaths): string {
  const names = new HostNames();
  const mesh = shownAxes(program.mesh)
    .map((axis) => `${axis} ${program.mesh.degrees[axis]}`)
    .join(", ");
  const plan = program.plan as PlacementPlan | null;
  const sections: (readonly string[])[] = [
    [
      `${program.level} program ${showName(program.name)} of ${options.fileName(program.file)}`,
      `mesh ${mesh}`,
      `precision compute ${program.precision.compute}, reduce ${program.precision.reduce}`,
    ],
    program.config.map(printConfig),
    program.loaders.map((loader) => printLoader(loader, plan)),
    program.states.map((state) => printState(state, plan)),
    program.pipelined ? printPipeline(program.pipelined) : [],
    program.variables.map(
      (variable) =>
        `kept ${names.of(variable)}: ${variable.type}${variable.initial ? ` = ${printExpression(variable.initial, names)}` : ""}`,
    ),
    ["main {", ...printHost(program.main, names).map((line) => `  ${line}`), "}"],
    ...[...program.graphs.values()].map((graph) => [printGraph(graph, options)]),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** Who holds what, and the order in which microbatches go through the stages. */
function printPipeline({ table, shape, homes }: Pipelined): readonly string[] {
  const places = Array.from({ length: shape.numPlaces }, (_, place) => place);
  const held = places.map((place) => {
    const names = [...homes].flatMap(([{ name, kind }, home]) =>
      home === place && kind === "parameter" ? [name] : [],
    );
    return `pp ${place} holds ${names.map(showName).join(", ")}`;
  });
  return [...held, ...drawTable(table, shape).split("\n")];
}

function printConfig({ path, value, fixed, schema }: ConfigEntry): string {
  const { type, ...limits } = schema;
  const bounds = Object.entries(limits).map(([key, limit]) => ` ${key} ${JSON.stringify(limit)}`);
  return `config ${path} = ${JSON.stringify(value)}: ${type}${bounds.join("")}${fixed ? " (fixed)" : ""}`;
}

function printLoader(
  { name, source, batchSize, shuffle, dropLast, fields }: Loader,
  plan: PlacementPlan | null,
): string {
  const path = "config" in source.path ? `config.${source.path.config}` : JSON.stringify(source.path.literal);
  const from =
    source.kind === "tokens"
      ? `${source.split} tokens of ${path}, ${source.sequenceLength} a sample`
      : `${source.numSamples} samples of ${path}`;
  const how = [...(shuffle ? ["shuffled"] : []), ...(dropLast ? ["whole batches only"] : [])];
  const each = fields.map((field) => {
    const placement = plan?.batch.get(field.name);
    return `${field.name}: ${showType(field.type)}${placement ? ` ${showPlacement(placement)}` : ""}`;
  });
  return `loader ${name}: ${[from, `${batchSize} a batch`, ...how].join(", ")}; ${each.join(", ")}`;
}

function printState(state: State, plan: PlacementPlan | null): string {
  const where = plan?.states.get(state);
  const placed = where ? ` rests ${showPlacement(where.rest)}, used ${showPlacement(where.use)}` : "";
  const more = [
    ...(state.of ? [`of ${state.of.name}`] : []),
    ...(state.kind === "parameter" && !state.trainable ? ["frozen"] : []),
    ...state.paths.filter((path) => path !== state.name).map((path) => `also ${path}`),
  ];
  return `${state.kind} ${state.name}: ${showType(state.type)}${placed}${more.map((part) => `, ${part}`).join("")}`;
}

/** Time is named where it is cut. */
const shownAxes = ({ degrees }: Mesh) => axisOrder.filter((axis) => axis !== "microbatch" || degrees.microbatch !== 1);
