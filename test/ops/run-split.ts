// Runs an op with one letter split over ranks, as a local graph would: each rank gets its part of the inputs with garbage
// in the padding, neutral elements where the record asks for them, and its own attributes; then all is put together.

import type { Choice } from "../../src/ir/graph.js";
import { spanOf } from "../../src/ir/local-size.js";
import { neutralFills, requiredPlacement, resultPlacements } from "../../src/ir/local-typing.js";
import { localAttributes } from "../../src/ir/localize.js";
import { coordinatesOf, degreesOf, meshOf } from "../../src/ir/mesh.js";
import { meshFacts } from "../../src/ir/mesh-facts.js";
import type { NdArray } from "../../src/ir/nd.js";
import { fillFrom } from "../../src/ir/nd-pieces.js";
import { shardOf, wholeOf } from "../../src/ir/shards.js";
import type { TensorType } from "../../src/ir/tensor-type.js";
import type { Op, Sample } from "../../src/ops/op.js";
import { inputArrays, inputTypes, lettersOf } from "./sample-inputs.js";

/** How one rank computes: by the reference, or by what the op is lowered to. */
export type RunLocal = (
  op: Op,
  types: readonly TensorType[],
  inputs: readonly NdArray[],
  attrs: unknown,
) => readonly NdArray[];

export const byReference: RunLocal = (op, _, inputs, attrs) => op.reference(inputs, attrs);

/** No number of this kind is harmless by chance. */
const garbageOf = ({ dtype }: TensorType): number => (dtype === "i32" ? 1e9 : dtype === "bool" ? 1 : Number.NaN);

const axis = "dpShard";

/** The whole results, put together from those of `numRanks` ranks that share `letter`. */
export function runSplit(
  op: Op,
  sample: Sample<unknown>,
  letter: string,
  numRanks: number,
  run: RunLocal = byReference,
): readonly NdArray[] {
  const mesh = meshOf({ [axis]: numRanks });
  const [degrees, facts] = [degreesOf(mesh), meshFacts(mesh, [])];
  const letters = lettersOf(op, sample);
  const choice: Choice = { letters: new Map([[letter, [axis]]]), cuts: new Map(), pass: new Map() };
  const types = inputTypes(op, sample);
  const wholes = inputArrays(sample, 1);
  const fills = neutralFills(op, sample.attrs, letters, choice, facts);
  const parts = Array.from({ length: numRanks }, (_, rank) => {
    const at = coordinatesOf(rank, degrees);
    const inputs = wholes.map((whole, i) => {
      const placement = requiredPlacement(i, letters, choice, facts);
      const part = shardOf(whole, placement, degrees, rank, garbageOf(types[i]!));
      return fills
        .filter(({ input }) => input === i)
        .reduce((now, { dim, fill }) => {
          const { valid } = spanOf(whole.shape[dim]!, placement.dims[dim]!, degrees, at);
          return fillFrom(now, dim, valid, fill);
        }, part);
    });
    const attrs = localAttributes(op, sample.attrs, letters, choice, degrees, at);
    const localTypes = inputs.map(({ shape }, i) => ({ shape, dtype: types[i]!.dtype }));
    return run(op, localTypes, inputs, attrs);
  });
  const shapes = op.reference(wholes, sample.attrs).map(({ shape }) => shape);
  return resultPlacements(op, letters, choice, facts).map((placement, o) =>
    wholeOf(
      parts.map((results) => results[o]!),
      shapes[o]!,
      placement,
      degrees,
    ),
  );
}
