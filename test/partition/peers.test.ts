// Bugs that other frameworks shipped. Each test says what would have to be so, and then puts the bug into the partitioned
// program, to see that the numbers do tell.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { FillStep, GraphInput, LocalGraph, MoveStep, Step } from "../../src/ir/graph.js";
import { degreesOf } from "../../src/ir/mesh.js";
import type { NdArray } from "../../src/ir/nd.js";
import type { Program } from "../../src/ir/program.js";
import { isCollective } from "../../src/ir/traffic.js";
import { evaluateOn } from "../meshes/evaluate-on.js";
import type { MeshCase } from "../meshes/meshes.js";
import { differences, type InputOf, inputsFrom, runLocal, runWhole } from "../run-program.js";
import { mutantsOf, without } from "./mutants.js";

/** Sums in another order, in float64. */
const tolerance = 1e-9;
const step = "trainingStep";
/** What the odd trainers do not count. */
const ignored = 3;

interface Spread {
  readonly logical: Program<"logical">;
  readonly local: Program<"local">;
  readonly graph: LocalGraph;
}

function spread(model: MeshCase["model"], degrees: MeshCase["degrees"], more: MeshCase["more"] = {}): Spread {
  let logical = evaluateOn({ model, degrees, more });
  const local = compileProgram(logical, {
    verifies: "every level",
    onPass: ({ level, program }) => {
      if (level === "logical") logical = program as Program<"logical">;
    },
  });
  return { logical, local, graph: local.graphs.get(step)! };
}

const random = inputsFrom({ below: 11 });

/** What is different from one rank, for a graph in the place of the program's own. */
function off({ logical, local }: Spread, graph: LocalGraph, inputs: InputOf = random): readonly string[] {
  const only = { ...logical, graphs: new Map([[graph.name, logical.graphs.get(graph.name)!]]) };
  const run = runLocal(graph, degreesOf(local.mesh), inputs, { padding: 7, isBlind: true });
  return differences(runWhole(only, inputs), new Map([[graph.name, run]]), tolerance);
}

type Moving = MoveStep | FillStep;
const movesIn = (steps: readonly Step<"local">[]): readonly Moving[] =>
  steps.flatMap((each) => {
    if (each.kind === "repeat") return movesIn(each.body);
    return each.kind === "move" || each.kind === "fill" ? [each] : [];
  });
const collectivesOf = (graph: LocalGraph): readonly MoveStep[] =>
  movesIn(graph.steps).flatMap((each) => (each.kind === "move" && isCollective(each.move) ? [each] : []));

/** The graph without every move that `isMeant` picks, of which there must be some. */
function withoutAll(graph: LocalGraph, isMeant: (move: Moving) => boolean): LocalGraph {
  let now = graph;
  let numLeftOut = 0;
  for (;;) {
    const move = movesIn(now.steps).find(isMeant);
    if (!move) break;
    now = without(now, move);
    numLeftOut++;
  }
  expect(numLeftOut > 0, "there is something to leave out").toBe(true);
  return now;
}

const isMove =
  (what: MoveStep["move"]["what"], axis: MoveStep["move"]["axis"], isInput: (name: string) => boolean = () => true) =>
  (each: Moving): boolean =>
    each.kind === "move" && each.move.what === what && each.move.axis === axis && isInput(each.inputs[0].name);

const elementsOf = ({ inputs: [{ type }] }: MoveStep): number => type.shape.reduce((n, size) => n * size, 1);

/** Tokens in which `isIgnored` says which targets do not count. */
const tokensWith =
  (isIgnored: (row: number, place: number) => boolean): InputOf =>
  (input: GraphInput): NdArray => {
    if (input.source.kind !== "batch") return random(input);
    const { shape } = input.value.type;
    const [, numPlaces = 1] = shape;
    const { data } = random(input);
    const counted = data.map((token) => (token === ignored ? 4 : token));
    const tokens = counted.map((token, i) => (isIgnored(Math.floor(i / numPlaces), i % numPlaces) ? ignored : token));
    return { shape, data: tokens };
  };

describe("the loss is off by a factor of the ranks", () => {
  test.each([
    ["gpt", { tp: 2 }, { lossParallel: true }],
    ["llama", { cp: 2 }, {}],
    ["llama", { cp: 2, tp: 2 }, { lossParallel: true }],
  ] as const)("%s on %j", (model, degrees, more) => {
    const program = spread(model, degrees, more);
    expect(off(program, program.graph)).toEqual([]);
    const axes = Object.keys(degrees) as (keyof typeof degrees)[];
    const twice = mutantsOf(program.graph, axes).filter(
      ({ fault, what }) => fault === "done twice" && what.startsWith("all-reduce"),
    );
    const differing = twice.flatMap(({ graph }) => off(program, graph));
    expect(differing.some((text) => text.startsWith(`${step}: result loss`))).toBe(true);
  });
});

test("gradients of replicated norms are left in parts under sequence parallel", () => {
  const program = spread("gpt", { tp: 2 });
  expect(off(program, program.graph)).toEqual([]);
  const isNorm = (name: string): boolean => /^grad\.(norm[12]?)\.weight$/.test(name);
  const inParts = withoutAll(program.graph, isMove("all-reduce", "tp", isNorm));
  expect(faultsOf(() => off(program, inParts))).not.toEqual([]);
});

test("the gradient norm counts replicated weights once on each rank", () => {
  const program = spread("gpt", { tp: 2 });
  const counted = off(
    program,
    withoutAll(program.graph, (each) => isMove("own", "tp")(each) && each.phase === "update"),
  );
  expect(counted.some((text) => text.startsWith(`${step}: result norm`))).toBe(true);
});

test("clipping sees a rank's own part of the norm alone", () => {
  const program = spread("llama", { dpShard: 2 });
  expect(off(program, program.graph)).toEqual([]);
  const isNorm = (each: Moving): boolean =>
    isMove("all-reduce", "dpShard")(each) && each.phase === "update" && elementsOf(each as MoveStep) === 1;
  // Each rank would clip by another factor.
  const found = faultsOf(() => off(program, withoutAll(program.graph, isNorm)));
  expect(found).not.toEqual([]);
});

/** Ranks that differ where they hold the same are an error of the interpreter's. */
function faultsOf(run: () => readonly string[]): readonly string[] {
  try {
    return run();
  } catch (error) {
    return [(error as Error).message];
  }
}

describe("ranks count different numbers of tokens", () => {
  const uneven = tokensWith((row, place) => row < 3 || place < 3);
  test.each([
    ["gpt", { dpReplicate: 2 }],
    ["llama", { dpShard: 4 }],
    ["llama", { cp: 2 }],
    ["gpt", { dpReplicate: 2, cp: 2 }],
  ] as const)("%s on %j", (model, degrees) => {
    const program = spread(model, degrees);
    expect(off(program, program.graph, uneven)).toEqual([]);
    const isCount = (each: Moving): boolean =>
      each.kind === "move" && isCollective(each.move) && each.phase === "forward" && elementsOf(each) === 1;
    expect(faultsOf(() => off(program, withoutAll(program.graph, isCount), uneven))).not.toEqual([]);
  });
});

describe("all tokens of a rank are ignored", () => {
  test.each([
    ["gpt", { dpReplicate: 2 }, (row: number) => row < 4],
    ["llama", { dpShard: 4 }, (row: number) => row >= 2 && row < 4],
    ["llama", { cp: 2 }, (_: number, place: number) => place < 6],
    ["llama", { cp: 2 }, (_: number, place: number) => place >= 5],
    ["gpt", { dpShard: 2, tp: 2 }, (row: number) => row >= 4],
  ] as const)("%s on %j, case %#", (model, degrees, isIgnored) => {
    const program = spread(model, degrees);
    const inputs = tokensWith(isIgnored);
    const { results, updates } = runWhole(program.logical, inputs).get(step)!;
    for (const { data } of [...results.values(), ...updates.values()]) expect(data.every(Number.isFinite)).toBe(true);
    expect(off(program, program.graph, inputs)).toEqual([]);
  });
});

describe("tied weights drift apart", () => {
  test.each([
    ["tp", { tp: 2 }],
    ["dpShard", { dpShard: 2 }],
    ["dpReplicate", { dpReplicate: 2 }],
  ] as const)("over %s", (_, degrees) => {
    const program = spread("gpt", degrees);
    // One state, whatever number of modules use it.
    const tied = program.local.states.filter(({ paths }) => paths.includes("model.head.weight"));
    expect(tied.map(({ kind, paths }) => ({ kind, paths }))).toEqual([
      { kind: "parameter", paths: ["model.tokenEmbedding.weight", "model.head.weight"] },
    ]);
    // Ranks that hold the same and differ are an error; the gradient is that of both uses.
    expect(off(program, program.graph)).toEqual([]);
    const isTable = (name: string): boolean => /^grad\.(tokenEmbedding|head)\.weight$/.test(name);
    const isReduction = (each: Moving): boolean =>
      each.kind === "move" && isCollective(each.move) && each.phase !== "forward" && isTable(each.inputs[0].name);
    if (!("tp" in degrees))
      expect(faultsOf(() => off(program, withoutAll(program.graph, isReduction)))).not.toEqual([]);
  });
});

test.each([2, 4, 8])("the vocabulary does not divide by %d ranks of tp", (tp) => {
  const program = spread("gpt", { tp }, { lossParallel: true });
  expect(program.logical.states.some(({ type }) => type.shape[0] === 13)).toBe(true);
  expect(off(program, program.graph)).toEqual([]);
  // Padding takes part in the softmax.
  const isPadding = (each: Moving): boolean =>
    each.kind === "fill" && each.phase === "forward" && each.inputs[0].type.shape[each.dim] === 13;
  expect(off(program, withoutAll(program.graph, isPadding))).not.toEqual([]);
});

describe("each microbatch has a collective", () => {
  const early = (program: Spread): readonly MoveStep[] =>
    collectivesOf(program.local.graphs.get("accumulationStep")!).filter((move) => elementsOf(move) > 1);
  test("data and context parallel: nothing but the loss is sent before the last one", () => {
    expect(early(spread("gpt", { dpReplicate: 2 }))).toEqual([]);
    const around = early(spread("gpt", { dpReplicate: 2, cp: 2 }));
    expect(new Set(around.map(({ move }) => `${move.what} ${move.axis}`))).toEqual(new Set(["permute cp"]));
  });
  test("FSDP whose gradients add up whole: parameters are gathered, no gradient is scattered", () => {
    const moves = early(spread("gpt", { dpShard: 2 }, { accumulateWholeGradients: true }));
    expect(new Set(moves.map(({ move }) => move.what))).toEqual(new Set(["all-gather"]));
  });

  /** Collectives of tp that make gradients of parameters whole, in a step and on every stage. */
  const wholeOverTp = ({ local }: Spread, name: string): readonly MoveStep[] =>
    [...local.graphs.values()]
      .filter((graph) => graph.name === name || graph.name.startsWith(`${name}.`))
      .flatMap(collectivesOf)
      .filter(({ move, inputs: [value] }) => move.axis === "tp" && /^grad\..*\.(weight|bias)$/.test(value.name));
  test.each([
    [{ tp: 2 }, {}],
    [{ tp: 4 }, { lossParallel: true }],
    [{ tp: 2 }, { asyncTensorParallel: true }],
    [{ cp: 2, tp: 2 }, { lossParallel: true }],
    [{ dpReplicate: 2, dpShard: 2, tp: 2 }, {}],
    [{ dpShard: 2, tp: 2 }, { accumulateWholeGradients: true }],
    [{ pp: 2, tp: 2 }, { lossParallel: true }],
  ] as const)(
    "tensor parallel on %j, %j: replicated parameters' gradients are made whole once, at the update",
    (degrees, more) => {
      const program = spread("gpt", degrees, more);
      expect(wholeOverTp(program, "accumulationStep")).toEqual([]);
      const atUpdate = wholeOverTp(program, step);
      expect(new Set(atUpdate.map(({ move }) => move.what))).toEqual(new Set(["all-reduce"]));
      // Norms, biases behind row-parallel layers, and positions. The last norm's two are rounds of one repeat.
      expect(new Set(atUpdate.map(({ inputs: [{ name }] }) => name))).toEqual(
        new Set([
          ...["norm1", "norm2"].flatMap((norm) => [`grad.${norm}.weight`, `grad.${norm}.bias`]),
          ...["grad.outProj.bias", "grad.downProj.bias", "grad.positionEmbedding.weight", "grad.norm.weight"],
        ]),
      );
    },
  );
});
