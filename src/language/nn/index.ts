// `nn`: layers, by PyTorch's names.
export { Dropout, GELU, LeakyReLU, ReLU, SiLU, Sigmoid, Softmax, Tanh } from "./activations.js";
export { RotaryEmbedding, SelfAttention, type AttentionOptions } from "./attention.js";
export { Flatten, Identity, ModuleDict, ModuleList, Sequential, type Layer } from "./containers.js";
export { AvgPool2d, Conv2d, ConvTranspose2d, MaxPool2d, type ConvOptions } from "./convolution.js";
export { Embedding, Linear } from "./linear.js";
export { Module } from "./module.js";
export { BatchNorm2d, GroupNorm, LayerNorm, RMSNorm } from "./normalization.js";
export { Buffer, Parameter } from "../tensor.js";
