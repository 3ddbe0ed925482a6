// Whatever single fault is put into a partitioned graph, the checker or the numbers notice. Counts are printed: "same"
// numbers come of gathers and maxima done twice, and of padding that meets a zero elsewhere.
import { expect, test } from "vitest";
import { findMismatch } from "../../src/ir/check-collectives.js";
import { checkLocalGraph } from "../../src/ir/check-local.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Placement } from "../../src/ir/placement.js";
import { notSplit } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import { eachGraph } from "../../src/passes/pass-runner.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { simplify } from "../../src/phases/2-differentiate/simplify.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { moveIntoRepeats } from "../../src/phases/3-partition/move-into-repeats.js";
import { factsOf, place } from "../../src/phases/3-partition/place.js";
import { defaultPlan, planStates } from "../../src/phases/3-partition/plan-states.js";
import { makeRounds } from "../../src/phases/3-partition/rounds/make-rounds.js";
import { differences, inputsFrom, runLocal, runWhole } from "../run-program.js";
import { gptTraining, tinyGpt } from "../tiny-models.js";
import { type Fault, mutantsOf } from "./mutants.js";

const inputs = inputsFrom({ below: 3 });
const split = (numDims: number, dim: number): Placement => ({
  dims: Array.from({ length: numDims }, (_, d) => (d === dim ? { axes: ["tp"], unit: 1 } : notSplit)),
  partial: {},
});
/** Columns, then rows, and the vocabulary. */
const tensorParallel: { readonly [name: string]: Placement } = {
  qkv: split(3, 1),
  proj: split(2, 1),
  up: split(2, 0),
  down: split(2, 1),
  wte: split(2, 0),
};

const meshes = [
  { degrees: { dpReplicate: 2 }, numLayers: 2 },
  { degrees: { dpShard: 2, dpReplicate: 2 }, numLayers: 1 },
  { degrees: { dpShard: 2, tp: 2 }, numLayers: 1 },
  { degrees: { cp: 2, tp: 2 }, numLayers: 1 },
  { degrees: { dpReplicate: 2, dpShard: 2, tp: 2 }, numLayers: 1 },
  { degrees: { dpShard: 2, cp: 2, tp: 2 }, numLayers: 1 },
] as const;

test.each(meshes)("on $degrees", ({ degrees, numLayers }) => {
  const config = { ...tinyGpt, vocab: 3, layers: numLayers, batch: 2 };
  const mesh = meshOf(degrees);
  const program: Program<"logical"> = { ...gptTraining(config), mesh };
  const logical = eachGraph(eachGraph(program, differentiate), simplify);
  const plan = planStates(factsOf(program), program.states, program.loaders, {
    ...defaultPlan,
    use: ({ name }) => ("tp" in degrees ? (tensorParallel[name.split(".").at(-1)!] ?? null) : null),
    sequenceDim: () => 1,
  });
  const local = makeRounds(moveIntoRepeats(insertMoves(place(logical, plan))));
  const graph = local.graphs.get("step")!;
  const facts = factsOf(local);
  const world = degreesOf(mesh);
  const expected = runWhole(logical, inputs);
  const runOf = (tried: typeof graph, isBlind: boolean) =>
    new Map([["step", runLocal(tried, world, inputs, { isBlind, padding: 7 })]]);
  expect(checkLocalGraph(graph, plan, facts)).toEqual([]);
  expect(differences(expected, runOf(graph, false), 1e-9)).toEqual([]);

  const counts = new Map<Fault, { mutants: number; checker: number; differ: number; fail: number; same: number }>();
  const missed: string[] = [];
  for (const { fault, what, graph: mutant } of mutantsOf(graph, facts.axes)) {
    const count = counts.get(fault) ?? { mutants: 0, checker: 0, differ: 0, fail: 0, same: 0 };
    counts.set(fault, count);
    const isSeen = checkLocalGraph(mutant, plan, facts).length > 0 || findMismatch(() => mutant, world) !== null;
    const outcome = outcomeOf(() => differences(expected, runOf(mutant, true), 1e-9));
    count.mutants++;
    if (isSeen) count.checker++;
    count[outcome]++;
    if (!isSeen && outcome === "same") missed.push(`${fault}: ${what}`);
  }
  console.log(JSON.stringify(degrees));
  console.table(Object.fromEntries(counts));
  expect(missed).toEqual([]);
  expect(counts.get("left out")!.mutants).toBeGreaterThan(3);
});

function outcomeOf(run: () => readonly string[]): "differ" | "fail" | "same" {
  try {
    return run().length > 0 ? "differ" : "same";
  } catch {
    return "fail";
  }
}
