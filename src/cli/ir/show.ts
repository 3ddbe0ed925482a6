// A program as text, JSON or a picture: whole, or one of its graphs.
import { relative } from "node:path";
import { nearestName } from "../../diagnostics/nearest-name.js";
import { type PrintOptions, printGraph } from "../../ir/print.js";
import { graphToDot } from "../../ir/print-dot.js";
import { graphToJson, programToJson } from "../../ir/print-json.js";
import { printProgram } from "../../ir/print-program.js";
import { printScheduled, printScheduledGraph } from "../../ir/print-scheduled.js";
import type { Program } from "../../ir/program.js";
import type { ScheduledProgram } from "../../ir/scheduled.js";
import type { Leveled } from "../../passes/pass-runner.js";
import { UsageError } from "../usage-error.js";

export type Format = "text" | "json" | "dot";

/** Places in the text are relative to the folder where dreamc was called. */
const fromHere: PrintOptions = { fileName: (file) => relative(process.cwd(), file) };

/** `graph`: the name of one graph alone. Throws a UsageError if there is no such graph or form. */
export function show(leveled: Leveled, format: Format, graph: string | null): string {
  return leveled.level === "scheduled"
    ? showScheduled(leveled as ScheduledProgram, format, graph)
    : showProgram(leveled as Program, format, graph);
}

function showProgram(program: Program, format: Format, graph: string | null): string {
  const graphs = graph === null ? [...program.graphs.values()] : [graphCalled(program.graphs, graph)];
  if (format === "dot") return graphs.map(graphToDot).join("");
  if (format === "json")
    return `${JSON.stringify(graph === null ? programToJson(program) : graphToJson(graphs[0]!), null, 2)}\n`;
  return graph === null ? printProgram(program, fromHere) : `${printGraph(graphs[0]!, fromHere)}\n`;
}

function showScheduled(program: ScheduledProgram, format: Format, graph: string | null): string {
  if (format !== "text")
    throw new UsageError(`a scheduled program has no ${format}`, "name an earlier pass with --after, or --format text");
  return graph === null
    ? printScheduled(program)
    : `${printScheduledGraph(graphCalled(program.graphs, graph)).join("\n")}\n`;
}

function graphCalled<G>(graphs: ReadonlyMap<string, G>, name: string): G {
  const graph = graphs.get(name);
  if (graph) return graph;
  const nearest = nearestName(name, graphs.keys());
  throw new UsageError(
    `there is no graph ${name}`,
    nearest ? `did you mean ${nearest}?` : `graphs: ${[...graphs.keys()].join(", ")}`,
  );
}
