// Attention whose queries and keys have positions, which say who sees whom: so both can be dealt to ranks in any order,
// and keys can come piece by piece. A piece's results are merged by its normalisers; gradients of pieces add up.
import type { NdArray } from "../ir/nd.js";
import { attend, attendBack, type Sees } from "./attend.js";
import { checkFloats, flopsOf, groups, keyGroups, lseGroups, operand, queryGroups } from "./attention-call.js";
import { copyPerQueryHead, sumPerKeyHead } from "./key-heads.js";
import { mergeAttention } from "./merge-attention.js";
import { type Op, OperandError } from "./op.js";
import { bytesOf, plain } from "./record.js";

export interface AttentionAtAttributes {
  readonly scale: number;
  /** Query heads per key head. */
  readonly share: number;
}

/** The position of a key that nobody sees. */
const unseen = 2 ** 31 - 1;
/** The position of a query that sees nothing; others are from 0. */
const blind = -1;

const query = "b(gr)t[d]";

const checkTypes = (name: string, dtypes: readonly string[], numFloats: number): void => {
  checkFloats(name, dtypes.slice(0, numFloats));
  if (dtypes.slice(-2).some((dtype) => dtype !== "i32")) throw new OperandError(`${name} takes positions of type i32`);
};
const seesAt =
  (queryAt: NdArray, keyAt: NdArray): Sees =>
  (t, s) =>
    keyAt.data[s]! <= queryAt.data[t]!;

/**
 * out = softmax(q kᵀ scale) v over the keys whose position is not greater than the query's; lse [B, H, T] the log of each
 * row's normaliser. A row that sees no key is 0, and its lse -inf. Operands: q, k, v, positions [T], positions [S].
 */
export const attentionAt: Op<AttentionAtAttributes> = {
  ...plain,
  name: "attentionAt",
  factors: () => `${query},bg[s][d],bg[s][d],t,[s]->${query},b(gr)t`,
  sizes: ({ share }) => ({ r: share }),
  dtypes: (dtypes) => {
    checkTypes("attentionAt", dtypes, 3);
    return [dtypes[0]!, "f32"];
  },
  indices: [3, 4],
  neutral: (letter) => (letter === "s" ? [{ input: 4, fill: unseen }] : []),
  apart: (letter) =>
    letter !== "r"
      ? null
      : (g, [q, k, v, ...positions], { scale, share }) => {
          const [keys, values] = [k!, v!].map((x) => copyPerQueryHead(g, x, share));
          return g.emit(attentionAt, [q!, keys!, values!, ...positions], { scale, share: 1 });
        },
  merge: (letter) => (letter === "s" ? mergeAttention : null),
  rounds: (letter) => letter === "s",
  gradient: (g, [out, lseGradient], [q, k, v, queryAt, keyAt], [result, lse], attrs) => {
    if (lseGradient) throw new Error("attention's normaliser is for its gradient alone");
    if (!out) return [null, null, null, null, null];
    return [...g.emit(attentionAtGradient, [out, q!, k!, v!, result!, lse!, queryAt!, keyAt!], attrs), null, null];
  },
  precision: "compute",
  cost: (inputs, outputs) => ({
    flops: flopsOf(inputs[0]!.shape, inputs[1]!.shape, true, 2),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  reference: ([q, k, v, queryAt, keyAt], { scale }) => attend(q!, k!, v!, scale, seesAt(queryAt!, keyAt!)),
  lower: ([q], _, { scale }) => ({
    kind: "call",
    call: {
      symbol: "attentionAt",
      groups,
      operands: [
        operand("q", "input", 0, queryGroups),
        operand("k", "input", 1, keyGroups),
        operand("v", "input", 2, keyGroups),
        operand("queryAt", "input", 3, ["query"]),
        operand("keyAt", "input", 4, ["key"]),
        operand("out", "output", 0, queryGroups),
        operand("lse", "output", 1, lseGroups),
      ],
      options: { scale, dtype: q!.dtype },
      workspace: 0,
    },
  }),
  samples: [
    {
      shapes: [[2, 4, 3, 2], [2, 2, 5, 2], [2, 2, 5, 2], [3], [5]],
      attrs: { scale: 0.7, share: 2 },
      below: { 3: 5, 4: 5 },
    },
    {
      shapes: [[1, 2, 4, 2], [1, 2, 4, 2], [1, 2, 4, 2], [4], [4]],
      attrs: { scale: 0.5, share: 1 },
      below: { 3: 9, 4: 3 },
    },
  ],
};

/** As `attentionGradient`, over the keys that each query sees. Operands: dout, q, k, v, out, lse and the two positions. */
export const attentionAtGradient: Op<AttentionAtAttributes> = {
  ...plain,
  name: "attentionAtGradient",
  factors: () => `${query},${query},bgs[d],bgs[d],${query},b(gr)t,t,s->${query},bgs[d],bgs[d]`,
  sizes: ({ share }) => ({ r: share }),
  dtypes: (dtypes) => {
    checkTypes("attentionAtGradient", dtypes, 5);
    return [dtypes[1]!, dtypes[2]!, dtypes[3]!];
  },
  indices: [6, 7],
  gradient: (_, outer) => {
    if (outer.some((gradient) => gradient))
      throw new OperandError("second derivatives through attention are not supported");
    return outer.map(() => null).concat([null, null, null, null, null]);
  },
  apart: (letter) =>
    letter !== "r"
      ? null
      : (g, [outer, q, k, v, ...rest], { scale, share }) => {
          const [keys, values] = [k!, v!].map((x) => copyPerQueryHead(g, x, share));
          const inputs = [outer!, q!, keys!, values!, ...rest];
          const [dq, dk, dv] = g.emit(attentionAtGradient, inputs, { scale, share: 1 });
          return [dq!, sumPerKeyHead(g, dk!, share), sumPerKeyHead(g, dv!, share)];
        },
  rounds: (letter) => letter === "s",
  neutral: (letter) => {
    if (letter === "s") return [{ input: 7, fill: unseen }];
    if (letter === "t") return [{ input: 6, fill: blind }];
    return [0, 1, 4, 5].map((input) => ({ input, fill: 0 }));
  },
  precision: "compute",
  cost: (inputs, outputs) => ({
    flops: flopsOf(inputs[1]!.shape, inputs[2]!.shape, true, 5),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  reference: ([g, q, k, v, out, lse, queryAt, keyAt], { scale }) =>
    attendBack([g!, q!, k!, v!, out!, lse!], scale, seesAt(queryAt!, keyAt!)),
  lower: ([, q], _, { scale }) => ({
    kind: "call",
    call: {
      symbol: "attentionAtGradient",
      groups,
      operands: [
        operand("gradOut", "input", 0, queryGroups),
        operand("q", "input", 1, queryGroups),
        operand("k", "input", 2, keyGroups),
        operand("v", "input", 3, keyGroups),
        operand("out", "input", 4, queryGroups),
        operand("lse", "input", 5, lseGroups),
        operand("queryAt", "input", 6, ["query"]),
        operand("keyAt", "input", 7, ["key"]),
        operand("dq", "output", 0, queryGroups),
        operand("dk", "output", 1, keyGroups),
        operand("dv", "output", 2, keyGroups),
      ],
      options: { scale, dtype: q!.dtype },
      workspace: 0,
    },
  }),
  samples: [
    {
      shapes: [[2, 4, 3, 2], [2, 4, 3, 2], [2, 2, 5, 2], [2, 2, 5, 2], [2, 4, 3, 2], [2, 4, 3], [3], [5]],
      attrs: { scale: 0.7, share: 2 },
      below: { 6: 5, 7: 5 },
    },
    {
      shapes: [[1, 2, 4, 2], [1, 2, 4, 2], [1, 2, 4, 2], [1, 2, 4, 2], [1, 2, 4, 2], [1, 2, 4], [4], [4]],
      attrs: { scale: 0.5, share: 1 },
      below: { 6: 9, 7: 3 },
    },
  ],
};
