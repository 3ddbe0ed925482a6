// Softmax attention that keeps no scores: forward gives the log of each row's normaliser, backward makes the scores
// again from it (Dao et al. 2022). Query heads are (group, share): neighbours share one key head.
import type { LogicalValue } from "../ir/graph.js";
import { attend, attendBack, type Sees } from "./attend.js";
import { attentionAt, attentionAtGradient } from "./attention-at.js";
import { checkFloats, flopsOf, groups, keyGroups, lseGroups, operand, queryGroups } from "./attention-call.js";
import { emitIota } from "./creation.js";
import { copyPerQueryHead, sumPerKeyHead } from "./key-heads.js";
import { mergeAttention } from "./merge-attention.js";
import { type Emitter, type Op, OperandError } from "./op.js";
import { bytesOf, plain } from "./record.js";

export interface AttentionAttributes {
  readonly scale: number;
  /** Query t sees keys s <= t. */
  readonly isCausal: boolean;
  /** Query heads per key head. */
  readonly share: number;
}

const query = "b(gr)[t][d]";
const queryFree = "b(gr)t[d]";
const key = "bg[s][d]";

const seesBefore =
  (isCausal: boolean): Sees =>
  (t, s) =>
    !isCausal || s <= t;

/** The place of each query and key, for the ops that are told them. */
const placesOf = (g: Emitter, of: LogicalValue): LogicalValue =>
  emitIota(g, { shape: [of.type.shape[2]!], dtype: "i32", dim: 0, start: 0, step: 1 });

/** out = softmax(q kᵀ scale) v; lse [B, H, T] = log sum exp(q kᵀ scale). */
export const attention: Op<AttentionAttributes> = {
  ...plain,
  name: "attention",
  factors: (_, { isCausal }) =>
    isCausal ? `${query},${key},${key}->${query},b(gr)[t]` : `${queryFree},${key},${key}->${queryFree},b(gr)t`,
  sizes: ({ share }) => ({ r: share }),
  dtypes: (dtypes) => {
    checkFloats("attention", dtypes);
    return [dtypes[0]!, "f32"];
  },
  apart: (letter) => {
    if (letter === "t")
      return (g, [q, k, v], { scale, share }) =>
        g.emit(attentionAt, [q!, k!, v!, placesOf(g, q!), placesOf(g, k!)], { scale, share });
    if (letter !== "r") return null;
    return (g, [q, k, v], { share, ...attrs }) => {
      const [keys, values] = [k!, v!].map((x) => copyPerQueryHead(g, x, share));
      return g.emit(attention, [q!, keys!, values!], { ...attrs, share: 1 });
    };
  },
  merge: (letter) => (letter === "s" ? mergeAttention : null),
  gradient: (g, [out, lseGradient], [q, k, v], [result, lse], attrs) => {
    if (lseGradient) throw new Error("attention's normaliser is for its gradient alone");
    return out ? g.emit(attentionGradient, [out, q!, k!, v!, result!, lse!], attrs) : [null, null, null];
  },
  precision: "compute",
  cost: (inputs, outputs, { isCausal }) => ({
    flops: flopsOf(inputs[0]!.shape, inputs[1]!.shape, isCausal, 2),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  reference: ([q, k, v], { scale, isCausal }) => attend(q!, k!, v!, scale, seesBefore(isCausal)),
  lower: ([q], _, { scale, isCausal }) => ({
    kind: "call",
    call: {
      symbol: "attention",
      groups,
      operands: [
        operand("q", "input", 0, queryGroups),
        operand("k", "input", 1, keyGroups),
        operand("v", "input", 2, keyGroups),
        operand("out", "output", 0, queryGroups),
        operand("lse", "output", 1, lseGroups),
      ],
      options: { scale, isCausal, dtype: q!.dtype },
      workspace: 0,
    },
  }),
  samples: [
    {
      shapes: [
        [2, 4, 3, 2],
        [2, 2, 3, 2],
        [2, 2, 3, 2],
      ],
      attrs: { scale: 0.7, isCausal: true, share: 2 },
    },
    {
      shapes: [
        [1, 2, 3, 2],
        [1, 2, 4, 2],
        [1, 2, 4, 2],
      ],
      attrs: { scale: 0.5, isCausal: false, share: 1 },
    },
  ],
};

/** With P = exp(q kᵀ scale - lse): dv = Pᵀ g, dP = g vᵀ, dS = P (dP - rowsum(g out)), dq = dS k scale, dk = dSᵀ q scale. */
export const attentionGradient: Op<AttentionAttributes> = {
  ...plain,
  name: "attentionGradient",
  factors: (_, { isCausal }) => {
    const [q, lse] = isCausal ? [query, "b(gr)[t]"] : [queryFree, "b(gr)t"];
    return `${q},${q},${key},${key},${q},${lse}->${q},${key},${key}`;
  },
  sizes: ({ share }) => ({ r: share }),
  dtypes: (dtypes) => {
    checkFloats("attentionGradient", dtypes.slice(0, 5));
    return [dtypes[1]!, dtypes[2]!, dtypes[3]!];
  },
  gradient: (_, outer) => {
    if (outer.some((gradient) => gradient))
      throw new OperandError("second derivatives through attention are not supported");
    return [null, null, null, null, null, null];
  },
  apart: (letter) => {
    if (letter === "t")
      return (g, inputs, { scale, share }) =>
        g.emit(attentionAtGradient, [...inputs, placesOf(g, inputs[1]!), placesOf(g, inputs[2]!)], { scale, share });
    if (letter !== "r") return null;
    return (g, [outer, q, k, v, ...rest], { share, ...attrs }) => {
      const [keys, values] = [k!, v!].map((x) => copyPerQueryHead(g, x, share));
      const [dq, dk, dv] = g.emit(attentionGradient, [outer!, q!, keys!, values!, ...rest], { ...attrs, share: 1 });
      return [dq!, sumPerKeyHead(g, dk!, share), sumPerKeyHead(g, dv!, share)];
    };
  },
  neutral: () => [
    { input: 0, fill: 0 },
    { input: 1, fill: 0 },
    { input: 4, fill: 0 },
    { input: 5, fill: 0 },
  ],
  precision: "compute",
  cost: (inputs, outputs, { isCausal }) => ({
    flops: flopsOf(inputs[1]!.shape, inputs[2]!.shape, isCausal, 5),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  reference: ([g, q, k, v, out, lse], { scale, isCausal }) =>
    attendBack([g!, q!, k!, v!, out!, lse!], scale, seesBefore(isCausal)),
  lower: ([, q, k], _, { scale, isCausal, share }) => {
    const heads = k!.shape[1]! * share;
    return {
      kind: "call",
      call: {
        symbol: "attentionGradient",
        groups,
        operands: [
          operand("gradOut", "input", 0, queryGroups),
          operand("q", "input", 1, queryGroups),
          operand("k", "input", 2, keyGroups),
          operand("v", "input", 3, keyGroups),
          operand("out", "input", 4, queryGroups),
          operand("lse", "input", 5, lseGroups),
          operand("dq", "output", 0, queryGroups),
          operand("dk", "output", 1, keyGroups),
          operand("dv", "output", 2, keyGroups),
        ],
        options: { scale, isCausal, dtype: q!.dtype },
        workspace: 4 * q!.shape[0]! * heads * q!.shape[2]!,
      },
    };
  },
  samples: [
    {
      shapes: [
        [2, 4, 3, 2],
        [2, 4, 3, 2],
        [2, 2, 3, 2],
        [2, 2, 3, 2],
        [2, 4, 3, 2],
        [2, 4, 3],
      ],
      attrs: { scale: 0.7, isCausal: true, share: 2 },
    },
    {
      shapes: [
        [1, 2, 3, 2],
        [1, 2, 3, 2],
        [1, 2, 4, 2],
        [1, 2, 4, 2],
        [1, 2, 3, 2],
        [1, 2, 3],
      ],
      attrs: { scale: 0.5, isCausal: false, share: 1 },
    },
  ],
};
