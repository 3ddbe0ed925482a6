// `F`: functions of tensors, by PyTorch's names.
export * from "./activation.js";
export {
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
  type AttentionOptions,
} from "./layers.js";
export * from "./loss.js";
export {
  adaptiveAvgPool2d,
  avgPool2d,
  conv1d,
  conv2d,
  convTranspose2d,
  interpolate,
  maxPool2d,
  type ConvOptions,
  type Pair,
  type PoolOptions,
} from "./spatial.js";
