// Pipelines of the examples in the interpreter have the numbers of one rank: loss, norm, every gradient and every state,
// with clipping, tied embeddings (gpt) and untied ones, accumulation (llama), and uneven counts of layers per stage.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { Graph } from "../../src/ir/graph.js";
import { degreesOf } from "../../src/ir/mesh.js";
import { parseGraph } from "../../src/ir/parse.js";
import { printGraph } from "../../src/ir/print.js";
import type { Program } from "../../src/ir/program.js";
import { differences, inputsFrom, runRanks, runWhole } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";
import { type PipelineCase, pipelined } from "./pipelined.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });

const cases: { readonly [example: string]: readonly PipelineCase[] } = {
  gpt: [
    { mesh: { pp: 2 }, schedule: "gpipe", numMicrobatches: 4 },
    { mesh: { pp: 2 }, numMicrobatches: 1 },
    { mesh: { pp: 2 }, schedule: "interleaved1f1b", stagesPerRank: 2 },
    { mesh: { pp: 4 }, numMicrobatches: 4 },
    { mesh: { pp: 2, dpReplicate: 2 } },
    { mesh: { pp: 2, dpReplicate: "auto" } },
  ],
  llama: [
    { mesh: { pp: 2, dpShard: 2 } },
    { mesh: { pp: 2, dpReplicate: 2 }, schedule: "interleaved1f1b", stagesPerRank: 2 },
  ],
};

describe.each(Object.keys(cases))("%s", (example) => {
  const program = evaluateSmall(example);
  let logical: Program<"logical"> | null = null;
  compileProgram(program, {
    onPass: ({ name, program: made }) => {
      if (name === "nameValues") logical = made as Program<"logical">;
    },
  });
  const one = runWhole(logical!, inputs);

  test.each(cases[example]!)("%o", (each) => {
    const local = compileProgram(pipelined(example, program, each));
    expect(differences(one, runRanks(local, degreesOf(local.mesh, 2), inputs), 1e-9)).toEqual([]);
    for (const graph of local.graphs.values()) {
      const text = printGraph(graph as Graph);
      const read = parseGraph(text, (name) => local.states.find((state) => state.name === name)!);
      expect(printGraph(read)).toBe(text);
    }
  });
});
