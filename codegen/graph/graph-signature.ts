// How a graph's function is declared: the same names in graphs.h, in the graph's own file and in the host code.

import { stageGraphs } from "../../src/ir/pipeline.js";
import type { Program } from "../../src/ir/program.js";
import type { ScheduledGraph, ScheduledProgram, StateHome } from "../../src/ir/scheduled.js";
import { CppNames } from "../cpp-text.js";
import { graphField } from "../host/run-graph.js";
import type { SourceLines } from "../host/source-lines.js";

export interface GraphSignature {
  readonly function: string;
  readonly inputs: string;
  readonly results: string;
  /** The file that the graph is in. */
  readonly file: string;
  fieldIndex(field: string): number;
}

/** What all files of a program are made from. */
export interface ProgramFacts {
  /** The user's entry file, for comments. */
  readonly file: string;
  readonly states: readonly StateHome[];
  readonly variants: readonly { readonly shown: string }[];
  readonly lines: SourceLines;
}

export function graphSignatures({ graphs, program }: ScheduledProgram): ReadonlyMap<string, GraphSignature> {
  const names = new CppNames(null, ["dream", "graphs", "run", "in", "results"]);
  const signatures = new Map<string, GraphSignature>();
  for (const called of calledGraphs(program, graphs)) {
    const name = names.declare(called);
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}`;
    const [inputs, results] = [names.declare(`${type}Inputs`), names.declare(`${type}Results`)];
    const places = stageGraphs(program.pipelined, called);
    places.forEach((key, place) => {
      const graph = graphs.get(key)!;
      const own = program.pipelined ? names.declare(`${name}OnPlace${place}`) : name;
      signatures.set(key, {
        function: own,
        inputs,
        results,
        file: `graph-${own}.cpp`,
        fieldIndex: (field) => fieldIndex(field, graph, program),
      });
    });
    // What host code calls finds the function of its place.
    if (program.pipelined) signatures.set(called, { ...signatures.get(places[0]!)!, function: name });
  }
  return signatures;
}

/** The graphs that host code calls, by the names that it knows. */
export const calledGraphs = (
  program: Program<"local">,
  graphs: ReadonlyMap<string, ScheduledGraph>,
): readonly string[] => (program.pipelined ? [...program.pipelined.graphs.keys()] : [...graphs.keys()]);

/** All loaders that could feed a graph must have its fields at the same places. */
function fieldIndex(field: string, graph: ScheduledGraph, program: Program<"local">): number {
  const places = program.loaders
    .map(({ fields }) => fields.map(({ name }) => name))
    .filter((names) => graph.batchFields.every((name) => names.includes(name)))
    .map((names) => names.indexOf(field));
  const [first] = places;
  if (first === undefined || places.some((place) => place !== first))
    throw new Error(`graph ${graph.name} reads ${field} of a batch that no loader, or no one place of loaders, has`);
  return first;
}

/** The fields of a graph's structs. */
export function structFields(graph: ScheduledGraph): { inputs: readonly string[]; results: readonly string[] } {
  const shown = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
  return {
    inputs: [
      ...(graph.batchFields.length > 0 ? ["dream::Batch batch;"] : []),
      ...graph.scalars.map(({ name }) => `double ${graphField(name)};`),
      ...graph.tensors.map(({ name, shape }) => `dream::Tensor ${graphField(name)};  // ${shown(shape)}`),
    ],
    results: graph.results.map(({ name, shape }) => `dream::Tensor ${graphField(name)};  // ${shown(shape)}`),
  };
}
