// The verifiers notice what they are for: each test breaks a good program in one place.
import { describe, expect, test } from "vitest";
import { findMismatch } from "../../src/ir/check-collectives.js";
import type { LocalGraph, LogicalGraph, LogicalValue, OpStep, RepeatStep, Step } from "../../src/ir/graph.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { verifyProgram } from "../../src/ir/verify-program.js";
import { BrokenProgram, PassRunner } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { place } from "../../src/phases/3-partition/place.js";
import { tinyProgram } from "./tiny-program.js";

const good = tinyProgram().graphs.get("step")!;
const [repeat, loss] = good.steps as [RepeatStep<"logical">, OpStep<"logical">];
const [product, bent] = repeat.body as [OpStep<"logical">, OpStep<"logical">];
const withSteps = (...steps: Step<"logical">[]): LogicalGraph => ({ ...good, steps });
const withRepeat = (changes: Partial<RepeatStep<"logical">>): LogicalGraph =>
  withSteps({ ...repeat, ...changes }, ...good.steps.slice(1));
const retyped = (value: LogicalValue, shape: readonly number[]): LogicalValue => ({
  ...value,
  type: { ...value.type, shape },
});
const broken: { readonly [what: string]: readonly [LogicalGraph, string] } = {
  "a value that nobody made": [withSteps(...good.steps.slice(1)), "is read where it does not exist"],
  "a step behind its reader": [withSteps(loss, repeat, ...good.steps.slice(2)), "is read where it does not exist"],
  "a value made twice": [withSteps(repeat, loss, loss, ...good.steps.slice(2)), "is made twice"],
  "a value of the graph read in a body": [
    withRepeat({ body: [{ ...product, inputs: [good.inputs[0]!.value, product.inputs[1]!] }, bent] }),
    "is read where it does not exist",
  ],
  "a body's value read outside": [
    withSteps(repeat, { ...loss, inputs: [bent.outputs[0]!] }, ...good.steps.slice(2)),
    "is read where it does not exist",
  ],
  "a result of another type": [
    withSteps(repeat, { ...loss, outputs: [retyped(loss.outputs[0]!, [1])] }, ...good.steps.slice(2)),
    "sum gives f32[], not f32[1]",
  ],
  "operands that do not fit": [
    withRepeat({
      body: [{ ...product, attrs: { factors: "bi,io->bo" }, inputs: [...product.inputs].reverse() }, bent],
    }),
    "should be 3",
  ],
  "too few items for the rounds": [withRepeat({ count: 3 }), "is stacked from 2 items in 3 rounds"],
  "no rounds": [withRepeat({ count: 0 }), "a repeat runs 0 times"],
  "a carried value that leaves with another type": [
    withRepeat({ carried: [{ ...repeat.carried[0]!, result: retyped(repeat.carried[0]!.result, [4]) }] }),
    "a carried value",
  ],
  "an update of another type": [
    { ...good, updates: [{ ...good.updates[0]!, value: loss.outputs[0]! }] },
    "is f32[3, 3] but would become f32[]",
  ],
  "a state updated twice": [{ ...good, updates: [good.updates[0]!, good.updates[0]!] }, "updated twice"],
};

describe("a logical graph", () => {
  test("is good", () => expect(verifyGraph(good)).toEqual([]));
  test.each(Object.entries(broken))("with %s", (_, [graph, message]) => {
    expect(
      verifyGraph(graph)
        .map((problem) => problem.message)
        .join("\n"),
    ).toContain(message);
  });
  test("is reported at the user's place", () => {
    const [graph] = broken["operands that do not fit"]!;
    expect(verifyGraph(graph)[0]!.origin?.place.line).toBe(12);
  });
});

test("what the host code runs must be bound", () => {
  const program = tinyProgram();
  const [run] = program.main as [Extract<Program["main"][number], { kind: "run" }>];
  const messages = (changed: Program["main"]): string =>
    verifyProgram({ ...program, main: changed })
      .map(({ message }) => message)
      .join("\n");
  expect(messages(program.main)).toBe("");
  expect(messages([{ ...run, graph: "stop" }])).toContain("there is no such graph");
  expect(messages([{ ...run, scalars: [] }])).toContain("nothing is bound to scalar rate");
  expect(messages([{ ...run, batch: null }])).toContain("nothing is bound to batch field x");
  const nowhere = { ...run, results: [{ ...run.results[0]!, name: "lost" }] };
  expect(
    messages([
      { kind: "while", condition: { kind: "literal", value: true }, body: [nowhere], label: "l", origin: null },
    ]),
  ).toContain("it has no result lost");
  const jump = { kind: "break", label: "l", origin: null } as const;
  const loop = { kind: "while", condition: { kind: "literal", value: true }, label: "l", origin: null } as const;
  expect(messages([{ ...loop, body: [jump] }])).toBe("");
  expect(messages([{ ...loop, body: [] }, jump])).toBe("break l leads nowhere");
  expect(messages([{ ...loop, body: [{ ...jump, kind: "leave" }] }])).toBe("leave l leads nowhere");
});

const local = (degrees: Parameters<typeof meshOf>[0]): LocalGraph => {
  const program = { ...tinyProgram(), mesh: meshOf(degrees) };
  const graphs = new Map([["step", differentiate(program.graphs.get("step")!)]]);
  return insertMoves(place({ ...program, graphs })).graphs.get("step")!;
};

describe("collectives of all ranks", () => {
  const degrees = degreesOf(meshOf({ dpReplicate: 2 }));
  const graph = local({ dpReplicate: 2 });
  const others = (change: (moves: Step<"local">[]) => Step<"local">[]): LocalGraph => ({
    ...graph,
    steps: [
      ...graph.steps.filter(({ kind }) => kind !== "move"),
      ...change(graph.steps.filter(({ kind }) => kind === "move")),
    ],
  });
  const mismatch = (ofSecond: LocalGraph): string | null =>
    findMismatch((rank) => (rank === 0 ? others((moves) => moves) : ofSecond), degrees);
  test("match", () => expect(mismatch(others((moves) => moves))).toBeNull());
  test("in another order", () => expect(mismatch(others((moves) => [...moves].reverse()))).toContain("rank 0 starts"));
  test("one too few", () => expect(mismatch(others((moves) => moves.slice(1)))).not.toBeNull());
  test("one too many", () => {
    const more = others((moves) => [...moves, moves[0]!]);
    expect(mismatch(more)).toBe(
      "rank 1 waits in all-reduce sum dim -1 to -1 of f32[] at [] +dpReplicate over dpReplicate for ranks 0,1 forever",
    );
  });
});

test("the runner names the pass that broke a program", () => {
  const program = tinyProgram();
  const [graph] = broken["a value made twice"]!;
  const ruin = (): Program<"logical"> => ({ ...program, graphs: new Map([["step", graph]]) });
  expect(() => new PassRunner({}).run("ruin", ruin)).toThrow(BrokenProgram);
  expect(() => new PassRunner({}).run("ruin", ruin)).toThrow("the pass ruin left a broken program");
  expect(() => new PassRunner({ verifies: "every level" }).run("ruin", ruin)).not.toThrow();
  expect(() => new PassRunner({ verifies: "every level" }).finish("ruin", ruin, verifyProgram)).toThrow(BrokenProgram);
});
