// The examples, made small: every pass keeps the answer on every world, gradients agree with finite differences, and
// texts are read back.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { Graph } from "../../src/ir/graph.js";
import { meshOf } from "../../src/ir/mesh.js";
import { parseGraph } from "../../src/ir/parse.js";
import { printGraph } from "../../src/ir/print.js";
import { comparePasses } from "../compare-passes.js";
import { compareSlopes, tolerance } from "../differentiate/directional.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall, smallExamples } from "../small-examples.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });

describe.each(smallExamples)("%s", (example) => {
  const program = evaluateSmall(example);

  test("gradients", () => {
    const slopes = [...program.graphs.values()].flatMap((graph) => compareSlopes(graph, inputs));
    expect(slopes.length).toBeGreaterThan(0);
    expect(slopes.filter(({ error }) => !(error < tolerance))).toEqual([]);
  });

  test("every pass, on 1, 2 and 4 ranks", () => {
    const spread = { ...program, mesh: meshOf({ dpReplicate: "auto" }) };
    const { found, local } = comparePasses(spread, inputs);
    expect(found).toEqual([]);
    for (const graph of local.graphs.values()) {
      const text = printGraph(graph as Graph);
      const read = parseGraph(text, (name) => local.states.find((state) => state.name === name)!);
      expect(printGraph(read)).toBe(text);
    }
  });
});

test("llama adds up gradients without a collective until the last microbatch", () => {
  const program = { ...evaluateSmall("llama"), mesh: meshOf({ dpReplicate: "auto" }) };
  const local = compileProgram(program);
  /** Of tensors: the loss of a microbatch is a number, which the host code adds up. */
  const collectives = (name: string): number =>
    printGraph([...local.graphs.values()].find((graph) => graph.name.startsWith(name))! as Graph)
      .split("\n")
      .filter((line) => / = move all-reduce/.test(line) && !/: f32\[\] /.test(line)).length;
  expect(collectives("accumulation")).toBe(0);
  expect(collectives("trainingStep")).toBeGreaterThan(5);
});
