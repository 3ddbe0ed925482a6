// What functions of the runtime compute, in float64: the meanings of the records that call them, by symbol and groups.
import { attention, attentionGradient } from "../ops/attention.js";
import { attentionAt, attentionAtGradient } from "../ops/attention-at.js";
import { contract } from "../ops/contract.js";
import { takeGradient } from "../ops/lookup.js";
import type { NdArray } from "./nd.js";

/** Inputs have one dim for each of their groups, in their order; so have the results. */
export interface CallMeaning {
  /** Input operands, by name. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  run(
    inputs: readonly NdArray[],
    sizes: ReadonlyMap<string, number>,
    options: ReadonlyMap<string, number | boolean | string>,
  ): readonly NdArray[];
}

const reshaped = ({ data }: NdArray, shape: readonly number[]): NdArray => ({ shape, data });

/** Heads are one dim of the records and two groups of the calls. */
const withHeads = (x: NdArray): NdArray => {
  const [batch, group, share, ...rest] = x.shape as [number, number, number, ...number[]];
  return reshaped(x, [batch, group * share, ...rest]);
};
const withGroups = (x: NdArray, sizes: ReadonlyMap<string, number>): NdArray => {
  const [batch, , ...rest] = x.shape as [number, number, ...number[]];
  return reshaped(x, [batch, sizes.get("group")!, sizes.get("share")!, ...rest]);
};
const attentionAtAttributes = (
  sizes: ReadonlyMap<string, number>,
  options: ReadonlyMap<string, number | boolean | string>,
) => ({ scale: options.get("scale") as number, share: sizes.get("share")! });
const attentionAttributes = (
  sizes: ReadonlyMap<string, number>,
  options: ReadonlyMap<string, number | boolean | string>,
) => ({ ...attentionAtAttributes(sizes, options), isCausal: options.get("isCausal") as boolean });

const meanings: ReadonlyMap<string, CallMeaning> = new Map<string, CallMeaning>([
  [
    "matmul",
    { inputs: ["a", "b"], outputs: ["c"], run: (inputs) => contract.reference(inputs, { factors: "bmk,bkn->bmn" }) },
  ],
  [
    "attention",
    {
      inputs: ["q", "k", "v"],
      outputs: ["out", "lse"],
      run: ([q, k, v], sizes, options) =>
        attention
          .reference([withHeads(q!), k!, v!], attentionAttributes(sizes, options))
          .map((result) => withGroups(result, sizes)),
    },
  ],
  [
    "attentionGradient",
    {
      inputs: ["gradOut", "q", "k", "v", "out", "lse"],
      outputs: ["dq", "dk", "dv"],
      run: ([g, q, k, v, out, lse], sizes, options) => {
        const [dq, dk, dv] = attentionGradient.reference(
          [withHeads(g!), withHeads(q!), k!, v!, withHeads(out!), withHeads(lse!)],
          attentionAttributes(sizes, options),
        );
        return [withGroups(dq!, sizes), dk!, dv!];
      },
    },
  ],
  [
    "attentionAt",
    {
      inputs: ["q", "k", "v", "queryAt", "keyAt"],
      outputs: ["out", "lse"],
      run: ([q, k, v, queryAt, keyAt], sizes, options) =>
        attentionAt
          .reference([withHeads(q!), k!, v!, queryAt!, keyAt!], attentionAtAttributes(sizes, options))
          .map((result) => withGroups(result, sizes)),
    },
  ],
  [
    "attentionAtGradient",
    {
      inputs: ["gradOut", "q", "k", "v", "out", "lse", "queryAt", "keyAt"],
      outputs: ["dq", "dk", "dv"],
      run: ([g, q, k, v, out, lse, queryAt, keyAt], sizes, options) => {
        const [dq, dk, dv] = attentionAtGradient.reference(
          [withHeads(g!), withHeads(q!), k!, v!, withHeads(out!), withHeads(lse!), queryAt!, keyAt!],
          attentionAtAttributes(sizes, options),
        );
        return [withGroups(dq!, sizes), dk!, dv!];
      },
    },
  ],
  [
    "takeGradient",
    {
      inputs: ["indices", "gradient"],
      outputs: ["result"],
      run: (inputs, sizes, options) =>
        takeGradient.reference(inputs, { numRows: sizes.get("vocab")!, start: options.get("start") as number }),
    },
  ],
]);

/** Throws an `Error` for a symbol that has no meaning here. */
export function callMeaning(symbol: string): CallMeaning {
  const meaning = meanings.get(symbol);
  if (!meaning) throw new Error(`nobody says what ${symbol} computes`);
  return meaning;
}
