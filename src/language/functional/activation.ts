// Activation functions, elementwise unless a dim is named.
import type { Tensor } from "../tensor.js";
import { where } from "../tensor.js";

/** `max(x, 0)`. */
export const relu = (x: Tensor): Tensor => x.relu();

/** `x * Phi(x)` exactly, or GPT-2's `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` with `approximate: "tanh"`. */
export const gelu = (x: Tensor, { approximate = "none" }: { approximate?: "none" | "tanh" } = {}): Tensor =>
  x.gelu({ approximate });

/** `x * sigmoid(x)`, also called swish. */
export const silu = (x: Tensor): Tensor => x.silu();

/** `1 / (1 + exp(-x))`. */
export const sigmoid = (x: Tensor): Tensor => x.sigmoid();

/** `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`. */
export const tanh = (x: Tensor): Tensor => x.tanh();

/** `log(1 + exp(beta x)) / beta`, computed as `max(x, 0) + log(1 + exp(-|beta x|)) / beta` so that nothing overflows. */
export const softplus = (x: Tensor, { beta = 1 }: { beta?: number } = {}): Tensor =>
  x.relu().add(x.mul(beta).abs().neg().exp().log1p().div(beta));

/** `log(sigmoid(x))`. */
export const logSigmoid = (x: Tensor): Tensor => softplus(x.neg()).neg();

/** `x` where positive, else `negativeSlope * x`. */
export const leakyRelu = (x: Tensor, { negativeSlope = 0.01 }: { negativeSlope?: number } = {}): Tensor =>
  where(x.gt(0), x, x.mul(negativeSlope));

/** `x` where positive, else `alpha * (exp(x) - 1)`. */
export const elu = (x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor =>
  where(x.gt(0), x, x.minimum(0).exp().sub(1).mul(alpha));

/** `min(max(x, 0), 6)`. */
export const relu6 = (x: Tensor): Tensor => x.clamp({ min: 0, max: 6 });

/** `x * clamp(x / 6 + 1/2, 0, 1)`. */
export const hardswish = (x: Tensor): Tensor => x.mul(relu6(x.add(3))).div(6);

/** `x * tanh(softplus(x))`. */
export const mish = (x: Tensor): Tensor => x.mul(softplus(x).tanh());

/** `a * sigmoid(b)` where a and b are the halves of `x` along `dim`. */
export function glu(x: Tensor, { dim = -1 }: { dim?: number } = {}): Tensor {
  if (x.size(dim) % 2 !== 0) throw new Error(`glu halves dim ${dim}, whose size ${x.size(dim)} is odd`);
  const half = x.size(dim) / 2;
  return x.narrow(dim, 0, half).mul(x.narrow(dim, half, half).sigmoid());
}

/** Exponentials along `dim`, scaled to sum 1. */
export const softmax = (x: Tensor, { dim }: { dim: number }): Tensor => x.softmax(dim);

/** `log(softmax(x))` along `dim`, computed as `x - logsumexp(x)`. */
export const logSoftmax = (x: Tensor, { dim }: { dim: number }): Tensor => x.logSoftmax(dim);
