// program.cpp: what the runtime knows of a program, as constant tables, and main.

import { placeOfGraph } from "../../src/ir/pipeline.js";
import { partialAxes, rankAxes, wholePlacement } from "../../src/ir/placement.js";
import type { ConfigEntry, Loader } from "../../src/ir/program.js";
import type { ScheduledProgram, StateHome } from "../../src/ir/scheduled.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { CppNames, cppBoolean, cppDouble, cppInteger, cppString } from "../cpp-text.js";
import { dtypeTexts } from "../graph/rank-number.js";
import { packageVersion } from "../package-folder.js";
import { render } from "../render.js";
import { ConstantArrays } from "./constant-arrays.js";
import { planEntries } from "./plan-entries.js";

/** The text of `program.cpp`. */
export function emitTables(scheduled: ScheduledProgram): string {
  const { program, states, variants } = scheduled;
  const arrays = new ConstantArrays(new CppNames(null, ["dream", "program", "main", "runHost", ...tableNames]));
  const offsets = states.map(({ buffer }) => (buffer.home.kind === "state" ? buffer.home.offset : null));
  const plan = planEntries(scheduled);
  const tables = [
    table(
      "config",
      "dream::ConfigEntry",
      program.config.map((entry) => configRow(entry, arrays)),
    ),
    table(
      "stateOffsets",
      "std::int64_t",
      offsets.flatMap((offset) => (offset ? [offset.map(cppInteger).join(", ")] : [])),
    ),
    table(
      "states",
      "dream::StateInfo",
      states.map((home, i) => stateRow(home, i, variants.length, arrays)),
    ),
    ...program.loaders.map((loader, i) =>
      table(`fields${i}`, "dream::FieldInfo", fieldRows(loader, scheduled, arrays)),
    ),
    table(
      "loaders",
      "dream::LoaderInfo",
      program.loaders.map((loader, i) => loaderRow(loader, i)),
    ),
    table(
      "areas",
      "dream::AreaBytes",
      variants.flatMap(({ areas }) =>
        areas.map(({ stateBytes, arenaBytes }) => `{${cppInteger(stateBytes)}, ${cppInteger(arenaBytes)}}`),
      ),
    ),
    table(
      "variants",
      "dream::VariantInfo",
      variants.map(({ degrees, areas }, i) => {
        const list = rankAxes.map((axis) => cppInteger(degrees[axis])).join(", ");
        return `{{${list}}, {areas + ${i * areas.length}, ${areas.length}}}`;
      }),
    ),
    table(
      "plan",
      "dream::PlanEntry",
      plan.map(({ what, bytes, place }) => {
        const fields = [cppString(what), arrays.numbers("bytes", bytes), ...(place === 0 ? [] : [cppInteger(place)])];
        return `{${fields.join(", ")}}`;
      }),
    ),
  ];
  const observed = observedRows(scheduled, arrays);
  tables.push(table("observed", "dream::ObservedInfo", observed));
  const span = (name: string, count: number): string => (count === 0 ? "{}" : `dream::spanOf(${name})`);
  const parameters = states.filter(({ state }) => state.kind === "parameter");
  const degrees = rankAxes.map((axis) => {
    const degree = program.mesh.degrees[axis];
    return degree === "auto" ? "0" : cppInteger(degree);
  });
  return render("program", {
    file: program.file,
    arrays: arrays.lines,
    tables: tables.filter(({ rows }) => rows.length > 0),
    fields: [
      `.name = ${cppString(program.name)}`,
      `.sourceFile = ${cppString(program.file)}`,
      `.dreamcVersion = ${cppString(packageVersion)}`,
      `.degrees = {${degrees.join(", ")}}`,
      `.variants = ${span("variants", variants.length)}`,
      `.config = ${span("config", program.config.length)}`,
      `.states = ${span("states", states.length)}`,
      `.loaders = ${span("loaders", program.loaders.length)}`,
      `.plan = ${span("plan", plan.length)}`,
      `.observed = ${span("observed", observed.length)}`,
      `.numParameters = ${cppInteger(parameters.reduce((n, { state }) => n + numElements(state.type.shape), 0))}`,
      ".runHost = runHost",
    ],
  });
}

const tableNames = ["config", "stateOffsets", "states", "loaders", "areas", "variants", "plan", "observed", "none"];

const table = (name: string, type: string, rows: readonly string[]) => ({ name, type, rows });

function configRow({ path, value, fixed, schema }: ConfigEntry, arrays: ConstantArrays): string {
  const bound = (limit: number | undefined): string => (limit === undefined ? "none" : cppDouble(limit));
  const choices = arrays.texts(
    `${path}.choices`,
    (schema.enum ?? []).map((choice) => JSON.stringify(choice)),
  );
  const fields = [
    cppString(path),
    `dream::ConfigType::${schema.type}`,
    cppString(JSON.stringify(value)),
    cppBoolean(fixed),
    bound(schema.minimum),
    bound(schema.exclusiveMinimum),
    bound(schema.maximum),
    bound(schema.exclusiveMaximum),
    choices,
  ];
  return `{${fields.join(", ")}}`;
}

function stateRow(
  { state, rest, place }: StateHome,
  index: number,
  numVariants: number,
  arrays: ConstantArrays,
): string {
  const fields = [
    cppString(state.name),
    arrays.texts(
      `${state.name}.otherPaths`,
      state.paths.filter((path) => path !== state.name),
    ),
    `dream::StateKind::${state.kind}`,
    dtypeTexts[state.type.dtype],
    arrays.numbers("shape", state.type.shape),
    arrays.splits(rest.dims),
    arrays.axes(partialAxes(rest)),
    `{stateOffsets + ${index * numVariants}, ${numVariants}}`,
    ...(place === undefined ? [] : [cppInteger(place)]),
  ];
  return `{${fields.join(", ")}}`;
}

/** What graphs let be observed, each label once. */
function observedRows({ program, graphs }: ScheduledProgram, arrays: ConstantArrays): readonly string[] {
  const rows = new Map<string, string>();
  for (const [name, { launches }] of graphs)
    for (const launch of launches) {
      if (launch.kind !== "observe") continue;
      const { label, shape, placement } = launch;
      const row = `{${[
        cppString(label),
        arrays.numbers("shape", shape),
        arrays.splits(placement.dims),
        cppInteger(placeOfGraph(program.pipelined, name) ?? -1),
      ].join(", ")}}`;
      if ((rows.get(label) ?? row) !== row) throw new Error(`${label} is observed in two places`);
      rows.set(label, row);
    }
  return [...rows.values()];
}

function fieldRows(loader: Loader, { program }: ScheduledProgram, arrays: ConstantArrays): readonly string[] {
  return loader.fields.map(({ name, type }) => {
    const placement = program.plan.batch.get(name) ?? wholePlacement(type.shape.length);
    const fields = [
      cppString(name),
      dtypeTexts[type.dtype],
      arrays.numbers("shape", type.shape),
      arrays.splits(placement.dims),
    ];
    return `{${fields.join(", ")}}`;
  });
}

function loaderRow({ name, source, batchSize, shuffle, dropLast }: Loader, index: number): string {
  const isTokens = source.kind === "tokens";
  const path =
    "config" in source.path ? [cppString(source.path.config), "nullptr"] : ["nullptr", cppString(source.path.literal)];
  const fields = [
    cppString(name),
    `dream::SourceKind::${source.kind}`,
    ...path,
    isTokens ? cppString(source.split) : "nullptr",
    cppInteger(isTokens ? source.sequenceLength : 0),
    cppInteger(isTokens ? (source.vocabSize ?? 0) : 0),
    cppInteger(isTokens ? 0 : source.numSamples),
    cppInteger(batchSize),
    cppBoolean(shuffle),
    cppBoolean(dropLast),
    `dream::spanOf(fields${index})`,
  ];
  return `{${fields.join(", ")}}`;
}
