// The text of graphs at every level is read back to the same text, and is what people should see.
import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/ir/graph.js";
import { meshOf } from "../../src/ir/mesh.js";
import { parseGraph } from "../../src/ir/parse.js";
import { printGraph } from "../../src/ir/print.js";
import { graphToDot } from "../../src/ir/print-dot.js";
import { programToJson } from "../../src/ir/print-json.js";
import { printProgram } from "../../src/ir/print-program.js";
import type { Program } from "../../src/ir/program.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { place } from "../../src/phases/3-partition/place.js";
import { handMadeProgram } from "../codegen/hand-made-program.js";
import { gptTraining, tinyGpt } from "../tiny-models.js";
import { tinyProgram } from "./tiny-program.js";

const differentiated = (program: Program<"logical">): Program<"logical"> => ({
  ...program,
  graphs: new Map([...program.graphs].map(([name, graph]) => [name, differentiate(graph)])),
});
const levelsOf = (program: Program<"logical">) => {
  const logical = differentiated(program);
  const placed = place(logical);
  return { traced: program, logical, placed, local: insertMoves(placed) };
};

describe("a tiny program reads so", () => {
  const { traced, placed, local } = levelsOf({ ...tinyProgram(), mesh: meshOf({ dpReplicate: 2 }) });
  test("as it was traced", () => expect(printProgram(traced)).toMatchSnapshot());
  test("placed", () => expect(printProgram(placed)).toMatchSnapshot());
  test("local", () => expect(printProgram(local)).toMatchSnapshot());
});

const models: [string, Program<"logical">][] = [
  ["tiny", tinyProgram()],
  ["gpt", gptTraining({ ...tinyGpt, microbatches: 2 })],
];
const meshes = [{}, { dpReplicate: 2 }, { dpReplicate: "auto" }, { dpShard: 2, dpReplicate: 3 }, { tp: 3 }] as const;

describe.each(models)("%s", (_, program) => {
  test.each(meshes)("is read back, on %o", (degrees) => {
    for (const [level, { graphs, states }] of Object.entries(levelsOf({ ...program, mesh: meshOf(degrees) })))
      for (const graph of graphs.values()) {
        const text = printGraph(graph as Graph);
        const read = parseGraph(text, (name) => states.find((state) => state.name === name)!);
        expect(printGraph(read), `${level} ${graph.name}`).toBe(text);
      }
  });
});

test("what does not fit is refused at its place", () => {
  const states = tinyProgram().states;
  const text = printGraph(tinyProgram().graphs.get("step")!);
  const read = (changed: string) => () => parseGraph(changed, (name) => states.find((state) => state.name === name)!);
  expect(read(text.replace("contract", "contrct"))).toThrow("an op that exists, not contrct, was expected");
  expect(read(text.replace("= contract %", "= contract %9"))).toThrow("a value that is known, not %9");
  expect(read(text.replace(": f32[", ": f64["))).toThrow("an element type was expected at column");
});

test("JSON has every step and its place, dot every repeat as a frame", () => {
  const { logical } = levelsOf(gptTraining(tinyGpt));
  const json = JSON.parse(JSON.stringify(programToJson(logical))) as {
    graphs: { steps: { kind: string; body?: { op: string }[] }[] }[];
  };
  const repeats = json.graphs[0]!.steps.filter(({ kind }) => kind === "repeat");
  expect(repeats).toHaveLength(2);
  expect(repeats[0]!.body!.map(({ op }) => op)).toContain("attention");
  const dot = graphToDot(logical.graphs.get("step")! as Graph);
  expect(dot.match(/subgraph cluster/g)).toHaveLength(2);
  expect(dot.match(/\{/g)!.length).toBe(dot.match(/\}/g)!.length);
});

test("host code is printed as pseudo code", () => {
  expect(printProgram(handMadeProgram)).toMatchSnapshot();
});
