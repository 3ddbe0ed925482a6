// Losses. Each gives one number (`reduction: "mean"` or `"sum"`) or one per element (`"none"`).
import type { Tensor } from "../tensor.js";
import { softplus } from "./activation.js";
import { crossEntropyRows } from "./primitives.js";

/** How losses of elements become one: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";
/** `reduction`: the mean unless told. */
export interface LossOptions {
  readonly reduction?: Reduction;
}

function reduce(values: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return values;
  return reduction === "sum" ? values.sum() : values.mean();
}

function requireSameShape(name: string, a: Tensor, b: Tensor): void {
  if (a.ndim !== b.ndim || a.shape.some((size, dim) => size !== b.shape[dim])) {
    throw new Error(`${name} compares tensors of one shape, not [${a.shape.join(", ")}] with [${b.shape.join(", ")}]`);
  }
}

/** What `crossEntropy` counts and smooths. */
export interface CrossEntropyOptions extends LossOptions {
  /** Rows with this target count for nothing. */
  readonly ignoreIndex?: number;
  /** The share of the target's probability that is spread evenly over all classes. */
  readonly labelSmoothing?: number;
}

/**
 * `-log softmax(logits)[target]` per row, for `logits [N, V]` (or `[N, V, ...]`) and `targets [N]` (or `[N, ...]`) of
 * class indices. The mean is over the rows that are not ignored.
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  { reduction = "mean", ignoreIndex = -100, labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  if (logits.ndim < 1 || targets.ndim !== logits.ndim - 1) {
    throw new Error(
      `crossEntropy takes logits [N, classes, ...] and targets [N, ...], not [${logits.shape.join(", ")}] and [${targets.shape.join(", ")}]`,
    );
  }
  if (logits.ndim === 1) {
    return crossEntropy(logits.unsqueeze(0), targets.unsqueeze(0), { reduction, ignoreIndex, labelSmoothing }).squeeze(
      0,
    );
  }
  if (logits.ndim > 2) {
    const order = [0, ...logits.shape.slice(2).map((_, i) => i + 2), 1];
    const rows = logits.permute(order).flatten(0, -2);
    const losses = crossEntropy(rows, targets.flatten(), { reduction, ignoreIndex, labelSmoothing });
    return reduction === "none" ? losses.view(targets.shape) : losses;
  }
  if (logits.size(0) !== targets.size(0)) {
    throw new Error(`crossEntropy has ${logits.size(0)} rows of logits but ${targets.size(0)} targets`);
  }
  let losses = crossEntropyRows(logits, targets, { ignoreIndex });
  const counted = targets.ne(ignoreIndex);
  if (labelSmoothing > 0) {
    const even = logits
      .logsumexp({ dim: 1 })
      .sub(logits.mean({ dim: 1 }))
      .mul(counted.to(logits.dtype));
    losses = losses.mul(1 - labelSmoothing).add(even.mul(labelSmoothing));
  }
  if (reduction === "none") return losses;
  const sum = losses.sum();
  return reduction === "sum" ? sum : sum.div(counted.sum().to(sum.dtype));
}

/** `-logProbabilities[target]` per row, for `logProbabilities [N, V]` and `targets [N]`. */
export function nllLoss(
  logProbabilities: Tensor,
  targets: Tensor,
  { reduction = "mean", ignoreIndex = -100 }: { reduction?: Reduction; ignoreIndex?: number } = {},
): Tensor {
  const counted = targets.ne(ignoreIndex);
  const places = targets.maskedFill(counted.logicalNot(), 0).unsqueeze(1);
  const picked = logProbabilities.gather(1, places).squeeze(1).neg();
  const losses = picked.mul(counted.to(picked.dtype));
  if (reduction === "none") return losses;
  const sum = losses.sum();
  return reduction === "sum" ? sum : sum.div(counted.sum().to(sum.dtype));
}

/** `(prediction - target) ** 2`. */
export function mseLoss(prediction: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  requireSameShape("mseLoss", prediction, target);
  return reduce(prediction.sub(target).square(), reduction);
}

/** `|prediction - target|`. */
export function l1Loss(prediction: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  requireSameShape("l1Loss", prediction, target);
  return reduce(prediction.sub(target).abs(), reduction);
}

/** `d ** 2 / (2 beta)` where `d = |prediction - target|` is under beta, else `d - beta / 2`. */
export function smoothL1Loss(
  prediction: Tensor,
  target: Tensor,
  { reduction = "mean", beta = 1 }: { reduction?: Reduction; beta?: number } = {},
): Tensor {
  requireSameShape("smoothL1Loss", prediction, target);
  const distance = prediction.sub(target).abs();
  const near = distance.minimum(beta);
  return reduce(
    near
      .square()
      .mul(0.5 / beta)
      .add(distance.sub(near)),
    reduction,
  );
}

/** `softplus(x) - x * target`: the binary cross-entropy of `sigmoid(x)`, safe for large `x`. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  { reduction = "mean" }: LossOptions = {},
): Tensor {
  requireSameShape("binaryCrossEntropyWithLogits", logits, target);
  return reduce(softplus(logits).sub(logits.mul(target)), reduction);
}

/** `target * (log target - input)` with log-probabilities as input; where the target is 0 the loss is 0. */
export function klDiv(input: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  requireSameShape("klDiv", input, target);
  return reduce(target.mul(target.maximum(1e-38).log().sub(input)), reduction);
}
