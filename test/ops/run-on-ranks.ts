// Runs one op as a whole program whose inputs are split along a letter, through placement and inserted moves.
import { GraphBuilder } from "../../src/ir/build.js";
import { checkLocalGraph } from "../../src/ir/check-local.js";
import { runLocalGraph } from "../../src/ir/interpret-local.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { NdArray } from "../../src/ir/nd.js";
import { notSplit, type Placement } from "../../src/ir/placement.js";
import { shardOf } from "../../src/ir/shards.js";
import type { Op, Sample } from "../../src/ops/op.js";
import { insertMoves } from "../../src/phases/3-partition/insert-moves.js";
import { factsOf, place } from "../../src/phases/3-partition/place.js";
import { programOf } from "../programs.js";
import { inputArrays, inputTypes, lettersOf } from "./sample-inputs.js";

/** The whole results as the first rank has them, and the kinds of the collectives that made them. */
export function runOnRanks(
  op: Op,
  sample: Sample<unknown>,
  letter: string,
  numRanks: number,
): { readonly results: readonly NdArray[]; readonly collectives: readonly string[] } {
  const g = new GraphBuilder("call");
  const types = inputTypes(op, sample);
  const letters = lettersOf(op, sample);
  const values = types.map((type, i) => g.input({ kind: "batch", field: `x${i}` }, type, `x${i}`));
  const outputs = g.emit(op, values, sample.attrs);
  const graph = g.finish({ results: outputs.map((value, o) => ({ name: `y${o}`, value })) });
  const mesh = meshOf({ tp: numRanks });
  const placementOf = (i: number): Placement => ({
    dims: letters.inputs[i]!.map((dim) =>
      numRanks > 1 && (dim.letter === letter || dim.inner.includes(letter)) ? { axes: ["tp"], unit: 1 } : notSplit,
    ),
    partial: {},
  });
  const plan = { states: new Map(), marks: new Map(), batch: new Map(types.map((_, i) => [`x${i}`, placementOf(i)])) };
  const program = programOf([graph], { mesh });
  const local = insertMoves(place(program, plan)).graphs.get("call")!;
  const problems = checkLocalGraph(local, plan, factsOf(program));
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join("\n"));
  const degrees = degreesOf(mesh);
  const arrays = inputArrays(sample, 1);
  const run = runLocalGraph(local, degrees, (value, i, rank) => shardOf(arrays[i]!, value.placement, degrees, rank));
  return {
    results: local.results.map(({ value }) => run.held[0]!.get(value.id)!),
    collectives: run.sent.map(({ what }) => what),
  };
}
