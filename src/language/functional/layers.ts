// The functions behind layers: linear maps, normalisation, dropout, attention, lookups.
import type { Tensor, TensorLike } from "../tensor.js";
import { arange, ones, where as select, tril } from "../tensor.js";
import { attend, dropElements, embeddingLookup, normalizeLayer, normalizeRms } from "./primitives.js";

/** `x @ weight.T + bias`: `x [..., I]`, `weight [O, I]`, `bias [O]`. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const product = x.matmul(weight.t());
  return bias === null ? product : product.add(bias);
}

/** Rows of `weight [V, D]` picked by `indices`: `[...indices.shape, D]`. Indices must lie in `[0, V)`. */
export const embedding = (indices: Tensor, weight: Tensor): Tensor => embeddingLookup(weight, indices);

/** Normalises over the last dims, whose sizes `normalizedShape` repeats; `eps` is added to the variance. */
export function layerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  { weight = null, bias = null, eps = 1e-5 }: { weight?: Tensor | null; bias?: Tensor | null; eps?: number } = {},
): Tensor {
  requireTrailing("layerNorm", x, normalizedShape);
  if (normalizedShape.length === 1) return normalizeLayer(x, weight, bias, eps);
  const rows = x.flatten(-normalizedShape.length, -1);
  return normalizeLayer(rows, weight?.flatten() ?? null, bias?.flatten() ?? null, eps).view(x.shape);
}

/** `x / sqrt(mean(x ** 2) + eps) * weight` over the last dims, whose sizes `normalizedShape` repeats. */
export function rmsNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  { weight = null, eps = 1e-6 }: { weight?: Tensor | null; eps?: number } = {},
): Tensor {
  requireTrailing("rmsNorm", x, normalizedShape);
  if (normalizedShape.length === 1) return normalizeRms(x, weight, eps);
  return normalizeRms(x.flatten(-normalizedShape.length, -1), weight?.flatten() ?? null, eps).view(x.shape);
}

function requireTrailing(name: string, x: Tensor, normalizedShape: readonly number[]): void {
  const trailing = x.shape.slice(-normalizedShape.length);
  if (trailing.length !== normalizedShape.length || trailing.some((size, i) => size !== normalizedShape[i])) {
    throw new Error(
      `${name} over [${normalizedShape.join(", ")}] does not fit an input of shape [${x.shape.join(", ")}]`,
    );
  }
}

/** Normalises `x [B, C, ...]` over groups of channels and all places. `weight` and `bias` are `[C]`. */
export function groupNorm(
  x: Tensor,
  numGroups: number,
  { weight = null, bias = null, eps = 1e-5 }: { weight?: Tensor | null; bias?: Tensor | null; eps?: number } = {},
): Tensor {
  const channels = x.size(1);
  if (channels % numGroups !== 0)
    throw new Error(`groupNorm cannot divide ${channels} channels into ${numGroups} groups`);
  const rows = x.view([x.size(0), numGroups, -1]);
  return scaleChannels(normalizeLayer(rows, null, null, eps).view(x.shape), weight, bias);
}

/** `x * weight + bias`, each of `[C]`, along dim 1. */
export function scaleChannels(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const along = [x.size(1), ...x.shape.slice(2).map(() => 1)];
  const scaled = weight === null ? x : x.mul(weight.view(along));
  return bias === null ? scaled : scaled.add(bias.view(along));
}

/** Keeps each element with probability `1 - p`, scaled by `1 / (1 - p)`. Nothing happens unless `training`. */
export function dropout(x: Tensor, { p = 0.5, training = true }: { p?: number; training?: boolean } = {}): Tensor {
  if (p < 0 || p > 1) throw new Error(`dropout's probability must be between 0 and 1, not ${p}`);
  if (!training || p === 0) return x;
  return p === 1 ? x.mul(0) : dropElements(x, p);
}

/** What `scaledDotProductAttention` masks and scales. */
export interface AttentionOptions {
  /** bool (true: may be seen) or float (added to the scores), broadcast to `[B, H, T, S]`. */
  readonly attnMask?: Tensor | null;
  readonly dropoutP?: number;
  /** Query t sees keys up to t. */
  readonly isCausal?: boolean;
  /** What scores are multiplied by; `1 / sqrt(D)` unless told. */
  readonly scale?: number | null;
}

/**
 * `softmax(query @ key.T * scale + mask) @ value`: `query [B, H, T, D]`, `key` and `value [B, G, S, D]`. With fewer key
 * heads than query heads (G divides H), neighbours share one. Without mask and dropout no score is kept in memory.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { attnMask = null, dropoutP = 0, isCausal = false, scale = null }: AttentionOptions = {},
): Tensor {
  if (query.ndim !== 4 || key.ndim !== 4 || value.ndim !== 4) {
    throw new Error(
      `scaledDotProductAttention takes [batch, heads, places, features], not [${query.shape.join(", ")}], [${key.shape.join(", ")}] and [${value.shape.join(", ")}]`,
    );
  }
  const factor = scale ?? 1 / Math.sqrt(query.size(-1));
  if (query.size(1) % key.size(1) !== 0) {
    throw new Error(`${query.size(1)} query heads cannot share ${key.size(1)} key heads evenly`);
  }
  if (attnMask === null && dropoutP === 0) return attend(query, key, value, { scale: factor, isCausal });
  const shared = query.size(1) / key.size(1);
  const keys = shared === 1 ? key : key.repeatInterleave(shared, { dim: 1 });
  const values = shared === 1 ? value : value.repeatInterleave(shared, { dim: 1 });
  let scores = query.matmul(keys.transpose(-2, -1)).mul(factor);
  if (isCausal) scores = maskLater(scores);
  if (attnMask !== null)
    scores = attnMask.dtype === "bool" ? scores.maskedFill(attnMask.logicalNot(), -1e30) : scores.add(attnMask);
  return dropout(scores.softmax(-1), { p: dropoutP }).matmul(values);
}

function maskLater(scores: Tensor): Tensor {
  const queries = arange(scores.size(-2)).unsqueeze(1);
  return scores.maskedFill(arange(scores.size(-1)).unsqueeze(0).gt(queries), -1e30);
}

/** bool `[T, T]`: true where place t may see place s, that is s <= t. */
export const causalMask = (size: number): Tensor => tril(ones([size, size])).gt(0);

/** 1 at each index, 0 elsewhere: `[...indices.shape, numClasses]`, i32. */
export const oneHot = (indices: Tensor, numClasses: number): Tensor =>
  indices.unsqueeze(-1).eq(arange(numClasses)).to("i32");

/** `a` where `condition` is true, else `b`. */
export const where = (condition: Tensor, a: TensorLike, b: TensorLike): Tensor => select(condition, a, b);

/** `value` (0 unless told) around `x`: `[before, after]` of the last dim first, then of the one before it, and so on. */
export const pad = (x: Tensor, widths: readonly number[], { value = 0 }: { value?: number } = {}): Tensor =>
  x.pad(widths, { value });

/** `x / max(norm(x), eps)` along `dim`. */
export const normalize = (x: Tensor, { dim = 1, eps = 1e-12 }: { dim?: number; eps?: number } = {}): Tensor =>
  x.div(x.norm({ dim, keepdim: true }).maximum(eps));

/** Cosine of the angle between `a` and `b` along `dim`. */
export const cosineSimilarity = (
  a: Tensor,
  b: Tensor,
  { dim = 1, eps = 1e-8 }: { dim?: number; eps?: number } = {},
): Tensor =>
  a
    .mul(b)
    .sum({ dim })
    .div(a.norm({ dim }).maximum(eps).mul(b.norm({ dim }).maximum(eps)));
