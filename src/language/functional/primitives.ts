// Primitives behind `F`: operations with a kernel of their own. Like tensors they are declared here and given their
// meaning by the compiler. `F` adds PyTorch's options around them.
import type { Tensor } from "../tensor.js";

/** Rows of `weight [V, D]` picked by `indices` (any shape): `[...indices.shape, D]`. */
export declare function embeddingLookup(weight: Tensor, indices: Tensor): Tensor;

/** `(x - mean) / sqrt(variance + eps) * weight + bias` over the last dim; `weight` and `bias` are `[D]` or null. */
export declare function normalizeLayer(x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number): Tensor;

/** `x / sqrt(mean(x ** 2) + eps) * weight` over the last dim; `weight` is `[D]` or null. */
export declare function normalizeRms(x: Tensor, weight: Tensor | null, eps: number): Tensor;

/** The loss of each row of `logits [N, V]` against `targets [N]`; 0 where the target is `ignoreIndex`. Gives `[N]`. */
export declare function crossEntropyRows(
  logits: Tensor,
  targets: Tensor,
  options: { readonly ignoreIndex: number },
): Tensor;

/**
 * Softmax attention without keeping the scores: `query [B, H, T, D]`, `key` and `value [B, G, S, D]` with G dividing H.
 * `isCausal`: query t sees keys up to `t`. Gives `[B, H, T, D]`.
 */
export declare function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: { readonly scale: number; readonly isCausal: boolean },
): Tensor;

/** Keeps each element with probability `1 - p`, scaled by `1 / (1 - p)`; the others become 0. */
export declare function dropElements(x: Tensor, p: number): Tensor;

/** Shape of the patches that a convolution or a pool looks at. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** `x [B, C, H, W]` with `weight [O, C / groups, kh, kw]`: `[B, O, H', W']`. */
export declare function convolve(
  x: Tensor,
  weight: Tensor,
  options: Omit<Window, "kernel"> & { readonly groups: number },
): Tensor;

/** All patches of `x [B, C, H, W]`: `[B, C, kh, kw, H', W']`; outside the picture is `fill`. */
export declare function patches(x: Tensor, window: Window, options: { readonly fill: number }): Tensor;
