// Functions and layers that the tests compare with formulas written down independently.
import { arange, Buffer, cat, einsum, eye, F, linspace, nn, ones, stack, type Tensor, tril, triu, where } from "dreamc";
import { registerState } from "../../../src/language/services.js";

export const linear = (x: Tensor, weight: Tensor, bias: Tensor) => F.linear(x, weight, bias);
export const embedding = (indices: Tensor, weight: Tensor) => F.embedding(indices, weight);
export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor) => F.layerNorm(x, [x.size(-1)], { weight, bias });
export const layerNormOfTwoDims = (x: Tensor) => F.layerNorm(x, x.shape.slice(-2), { eps: 1e-3 });
export const rmsNorm = (x: Tensor, weight: Tensor) => F.rmsNorm(x, [x.size(-1)], { weight });
export const groupNorm = (x: Tensor, weight: Tensor, bias: Tensor) => F.groupNorm(x, 2, { weight, bias });
export const softmax = (x: Tensor) => x.softmax(-1);
export const logSoftmax = (x: Tensor) => x.logSoftmax(0);
export const crossEntropy = (logits: Tensor, targets: Tensor) => F.crossEntropy(logits, targets);
export const crossEntropyIgnoring = (logits: Tensor, targets: Tensor) =>
  F.crossEntropy(logits, targets, { ignoreIndex: 0, labelSmoothing: 0.1 });
export const crossEntropyOfPictures = (logits: Tensor, targets: Tensor) =>
  F.crossEntropy(logits, targets, { reduction: "none" });
export const nll = (x: Tensor, targets: Tensor) => F.nllLoss(x.logSoftmax(-1), targets);
export const attention = (q: Tensor, k: Tensor, v: Tensor) => F.scaledDotProductAttention(q, k, v, { isCausal: true });
export const attentionBothWays = (q: Tensor, k: Tensor, v: Tensor) => F.scaledDotProductAttention(q, k, v);
export const attentionMasked = (q: Tensor, k: Tensor, v: Tensor) =>
  F.scaledDotProductAttention(q, k, v, { attnMask: F.causalMask(q.size(2)), scale: 0.5 });
export const rotary = (x: Tensor) => new nn.RotaryEmbedding(x.size(-1), 100).forward(x, 2);
export const conv2d = (x: Tensor, weight: Tensor, bias: Tensor) =>
  F.conv2d(x, weight, { bias, stride: [2, 1], padding: [1, 0], dilation: [1, 2] });
export const conv2dInGroups = (x: Tensor, weight: Tensor) => F.conv2d(x, weight, { groups: 2, padding: 1 });
export const conv1d = (x: Tensor, weight: Tensor) => F.conv1d(x, weight, { stride: 2, padding: 1 });
export const convTranspose2d = (x: Tensor, weight: Tensor) => F.convTranspose2d(x, weight, { stride: 2, padding: 1 });
export const maxPool2d = (x: Tensor) => F.maxPool2d(x, 2, { stride: 1, padding: 1 });
export const avgPool2d = (x: Tensor) => F.avgPool2d(x, [2, 3]);
export const adaptiveAvgPool2d = (x: Tensor) => F.adaptiveAvgPool2d(x, [2, 1]);
export const enlarge = (x: Tensor) => F.interpolate(x, { scaleFactor: 2 });

export const activations = (x: Tensor) => [
  F.relu(x),
  F.gelu(x),
  F.gelu(x, { approximate: "tanh" }),
  F.silu(x),
  F.softplus(x, { beta: 2 }),
  F.leakyRelu(x),
  F.elu(x, { alpha: 0.5 }),
  F.relu6(x.mul(10)),
  F.logSigmoid(x),
  x.tanh(),
  x.sigmoid(),
];
export const losses = (a: Tensor, b: Tensor) => [
  F.mseLoss(a, b),
  F.l1Loss(a, b, { reduction: "sum" }),
  F.smoothL1Loss(a, b, { beta: 0.3 }),
  F.binaryCrossEntropyWithLogits(a, b.sigmoid()),
  F.klDiv(a.logSoftmax(-1), b.softmax(-1), { reduction: "sum" }),
];
export const reductions = (x: Tensor) => [
  x.sum({ dim: 0 }),
  x.mean({ dim: [0, 2], keepdim: true }),
  x.var({ dim: 1 }),
  x.std({ dim: -1, correction: 0 }),
  x.amax({ dim: 1 }),
  x.amin(),
  x.norm({ dim: 2 }),
  x.logsumexp({ dim: 1 }),
  x.argmax({ dim: 2 }),
];
export const layouts = (x: Tensor) => [
  x.view([x.size(0), -1]),
  x.transpose(0, 2),
  x.permute([1, 2, 0]),
  x.unsqueeze(1).expand([-1, 2, -1, -1]),
  x.slice(1, 1, -1),
  x.select(2, -2),
  ...x.chunk(2, { dim: 1 }),
  ...x.split([1, 3], { dim: 2 }),
  x.repeatInterleave(2, { dim: 0 }),
  x.repeat([2, 1, 1]),
  x.pad([1, 0, 0, 2], { value: 9 }),
  cat([x, x.neg()], { dim: -1 }),
  stack([x, x.mul(2)], { dim: 1 }),
  x.flatten(1).unflatten(1, [-1, 3]),
];
export const creations = () => [
  arange(2, 9, { step: 3, dtype: "f32" }),
  linspace(0, 1, 5),
  eye(2),
  tril(ones([3, 3])),
  triu(ones([2, 3]), { diagonal: 1 }),
];
export const picks = (x: Tensor, index: Tensor) => [
  x.gather(1, index),
  where(x.gt(0), x, -1),
  x.maskedFill(x.lt(0), 0),
  x.clamp({ min: -0.5, max: 0.5 }),
  F.oneHot(index, 4),
  x.floorDivide(0.3),
  x.remainder(0.3),
  x.pow(3),
  x.lerp(x.neg(), 0.25),
  x.maximum(0.1),
];
export const products = (a: Tensor, b: Tensor) => [
  a.matmul(b),
  einsum("bij,bjk->bik", a, b),
  einsum("bij->ji", a),
  a.select(0, 0).matmul(b.select(0, 1).select(1, 0)),
  F.cosineSimilarity(a, a.mul(2), { dim: -1 }),
  F.normalize(a, { dim: -1 }),
];
export const batchNorm = (x: Tensor) => {
  const norm = new nn.BatchNorm2d(x.size(1));
  norm.namedOwnStates().forEach(([name, state]) => registerState(name, state));
  norm.resetParameters();
  const trained = norm.forward(x);
  norm.eval();
  return [trained, norm.runningMean, norm.runningVar, norm.forward(x)];
};
export const buffers = (x: Tensor) => {
  const total = new Buffer([x.size(1)]);
  registerState("total", total);
  total.zero_();
  for (const row of x.chunk(x.size(0))) total.add_(row.squeeze(0), { alpha: 2 }).clamp_({ max: 1 });
  return total;
};
