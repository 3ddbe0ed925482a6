// `nn`: layers, by PyTorch's names.

export { Buffer, Parameter } from "../tensor.js";
export { Dropout, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh } from "./activations.js";
export { type AttentionOptions, RotaryEmbedding, SelfAttention } from "./attention.js";
export { Flatten, Identity, type Layer, ModuleDict, ModuleList, Sequential } from "./containers.js";
export { AvgPool2d, Conv2d, type ConvOptions, ConvTranspose2d, MaxPool2d } from "./convolution.js";
export { Embedding, Linear } from "./linear.js";
export { Module } from "./module.js";
export { BatchNorm2d, GroupNorm, LayerNorm, RMSNorm } from "./normalization.js";
