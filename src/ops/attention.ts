// Softmax attention that keeps no scores: forward gives the log of each row's normaliser, backward makes the scores
// again from it (Dao et al. 2022). Query heads are (group, share): neighbours share one key head.
import type { NdArray } from "../ir/nd.js";
import { isFloat } from "../ir/tensor-type.js";
import { type CallOperand, type Op, OperandError } from "./op.js";
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

const groups = { batch: ["b"], group: ["g"], share: ["r"], query: ["t"], key: ["s"], feature: ["d"] };
const queryGroups = ["batch", "group", "share", "query", "feature"];
const keyGroups = ["batch", "group", "key", "feature"];
const lseGroups = ["batch", "group", "share", "query"];
const operand = (name: string, role: "input" | "output", index: number, of: readonly string[]): CallOperand => ({
  name,
  role,
  index,
  groups: of,
  unit: of.includes("feature") ? ["feature"] : [],
});

const checkFloats = (name: string, dtypes: readonly string[]): void => {
  if (dtypes.some((dtype) => dtype !== dtypes[0]) || !isFloat(dtypes[0] as "f32"))
    throw new OperandError(`${name} takes floats of one type, not ${dtypes.join(" and ")}`);
};
const flopsOf = (q: readonly number[], k: readonly number[], isCausal: boolean, numProducts: number): number =>
  (2 * numProducts * q[0]! * q[1]! * q[2]! * k[2]! * q[3]!) / (isCausal ? 2 : 1);

/** Visits every (query row, key row) pair that attends: offsets of rows, and of the lse entry. */
function forEachRow(
  q: NdArray,
  k: NdArray,
  { isCausal }: AttentionAttributes,
  visit: (row: number, numKeys: number, firstKey: number) => void,
): void {
  const [batch, heads, places] = q.shape as [number, number, number];
  const [, keyHeads, keys] = k.shape as [number, number, number];
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let t = 0; t < places; t++)
        visit(
          (b * heads + h) * places + t,
          isCausal ? Math.min(t + 1, keys) : keys,
          (b * keyHeads + Math.floor((h * keyHeads) / heads)) * keys,
        );
}

const dot = (a: NdArray, rowA: number, b: NdArray, rowB: number, size: number): number => {
  let total = 0;
  for (let d = 0; d < size; d++) total += a.data[rowA * size + d]! * b.data[rowB * size + d]!;
  return total;
};

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
  merge: (letter) =>
    letter !== "s"
      ? null
      : ([outA, lseA], [outB, lseB]) => {
          const size = outA!.shape.at(-1)!;
          const total = lseA!.data.map((a, i) => {
            const top = Math.max(a, lseB!.data[i]!);
            return top + Math.log(Math.exp(a - top) + Math.exp(lseB!.data[i]! - top));
          });
          const out = outA!.data.map((a, i) => {
            const row = Math.floor(i / size);
            const [shareA, shareB] = [lseA!.data[row]!, lseB!.data[row]!].map((lse) => Math.exp(lse - total[row]!));
            return a * shareA! + outB!.data[i]! * shareB!;
          });
          return [
            { shape: outA!.shape, data: out },
            { shape: lseA!.shape, data: total },
          ];
        },
  gradient: (g, [out, lseGradient], [q, k, v], [result, lse], attrs) => {
    if (lseGradient) throw new Error("attention's normaliser is for its gradient alone");
    return out ? g.emit(attentionGradient, [out, q!, k!, v!, result!, lse!], attrs) : [null, null, null];
  },
  precision: "compute",
  cost: (inputs, outputs, { isCausal }) => ({
    flops: flopsOf(inputs[0]!.shape, inputs[1]!.shape, isCausal, 2),
    bytes: bytesOf(inputs) + bytesOf(outputs),
  }),
  reference: ([q, k, v], attrs) => {
    const size = q!.shape[3]!;
    const out = new Float64Array(q!.data.length);
    const lse = new Float64Array(q!.data.length / size);
    forEachRow(q!, k!, attrs, (row, numKeys, firstKey) => {
      const scores = Array.from({ length: numKeys }, (_, s) => dot(q!, row, k!, firstKey + s, size) * attrs.scale);
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((weight, s) => {
        for (let d = 0; d < size; d++) out[row * size + d]! += (weight / total) * v!.data[(firstKey + s) * size + d]!;
      });
      lse[row] = top + Math.log(total);
    });
    return [
      { shape: q!.shape, data: out },
      { shape: q!.shape.slice(0, 3), data: lse },
    ];
  },
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
  reference: ([g, q, k, v, out, lse], attrs) => {
    const size = q!.shape[3]!;
    const dq = new Float64Array(q!.data.length);
    const dk = new Float64Array(k!.data.length);
    const dv = new Float64Array(v!.data.length);
    forEachRow(q!, k!, attrs, (row, numKeys, firstKey) => {
      const along = dot(g!, row, out!, row, size);
      for (let s = firstKey; s < firstKey + numKeys; s++) {
        const weight = Math.exp(dot(q!, row, k!, s, size) * attrs.scale - lse!.data[row]!);
        const slope = weight * (dot(g!, row, v!, s, size) - along) * attrs.scale;
        for (let d = 0; d < size; d++) {
          dv[s * size + d]! += weight * g!.data[row * size + d]!;
          dq[row * size + d]! += slope * k!.data[s * size + d]!;
          dk[s * size + d]! += slope * q!.data[row * size + d]!;
        }
      }
    });
    return [
      { shape: q!.shape, data: dq },
      { shape: k!.shape, data: dk },
      { shape: v!.shape, data: dv },
    ];
  },
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
