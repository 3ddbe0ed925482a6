// A scheduled program as the files of DIR/src.
import { fileURLToPath } from "node:url";

import { stageGraphs } from "../src/ir/pipeline.js";
import { rankAxes } from "../src/ir/placement.js";
import type { ScheduledProgram } from "../src/ir/scheduled.js";
import type { Target } from "../src/ir/target.js";
import { cppIdentifier } from "./cpp-text.js";
import { emitGraph } from "./cpu/emit-graph.js";
import {
  calledGraphs,
  type GraphSignature,
  graphSignatures,
  type ProgramFacts,
  structFields,
} from "./graph/graph-signature.js";
import { emitHost } from "./host/emit-host.js";
import { SourceLines } from "./host/source-lines.js";
import { packageFolder } from "./package-folder.js";
import { emitTables } from "./program/emit-tables.js";
import { render } from "./render.js";

/** The text of each file, by its name. */
export function emitProgram(scheduled: ScheduledProgram, target: Target = "cpu"): ReadonlyMap<string, string> {
  if (target === "cuda") throw new Error("CUDA is not emitted yet");
  const { program, graphs, states, variants } = scheduled;
  const signatures = graphSignatures(scheduled);
  const signatureOf = (name: string): GraphSignature => signatures.get(name)!;
  const facts: ProgramFacts = {
    file: program.file,
    states,
    variants: variants.map(({ degrees }) => ({
      shown: rankAxes.map((axis) => `${axis} ${degrees[axis]}`).join(", "),
    })),
    lines: new SourceLines(),
  };
  const graphFiles = [...graphs.keys()].map((name) => signatureOf(name).file);
  const graphNames = new Map([...signatures].map(([name, signature]) => [name, signature.function]));
  return new Map([
    [
      "CMakeLists.txt",
      render("cmake", {
        name: cppIdentifier(program.name),
        runtime: fileURLToPath(new URL("runtime-cuda", packageFolder)),
        sources: ["program.cpp", "host.cpp", ...graphFiles],
      }),
    ],
    ["program.cpp", emitTables(scheduled)],
    ["host.h", render("host-header", { file: program.file })],
    ["host.cpp", emitHost(program, graphNames)],
    [
      "graphs.h",
      render("graphs-header", {
        file: program.file,
        graphs: calledGraphs(program, graphs).map((name) => {
          const { inputs, results, function: fn } = signatureOf(name);
          const places = stageGraphs(program.pipelined, name);
          const fields = structFields(graphs.get(places[0]!)!);
          return {
            inputs,
            results,
            function: fn,
            inputFields: fields.inputs,
            resultFields: fields.results,
            places: program.pipelined
              ? places.map((each, place) => ({ place, function: signatureOf(each).function }))
              : [],
          };
        }),
      }),
    ],
    ...[...graphs].map(
      ([name, graph]) => [signatureOf(name).file, emitGraph(graph, signatureOf(name), facts)] as const,
    ),
  ]);
}
