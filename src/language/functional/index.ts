// `F`: functions of tensors, by PyTorch's names.
export * from "./activation.js";
export {
  type AttentionOptions,
  causalMask,
  cosineSimilarity,
  dropout,
  embedding,
  groupNorm,
  layerNorm,
  linear,
  normalize,
  oneHot,
  pad,
  rmsNorm,
  scaledDotProductAttention,
  where,
} from "./layers.js";
export * from "./loss.js";
export {
  adaptiveAvgPool2d,
  avgPool2d,
  type ConvOptions,
  conv1d,
  conv2d,
  convTranspose2d,
  interpolate,
  maxPool2d,
  type Pair,
  type PoolOptions,
} from "./spatial.js";
