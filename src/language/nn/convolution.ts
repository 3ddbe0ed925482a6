// Convolutions and pools of pictures `[B, C, H, W]`.
import * as F from "../functional/index.js";
import * as init from "../init.js";
import { Parameter, type Tensor } from "../tensor.js";
import { Module } from "./module.js";

type Pair = F.Pair;
const both = (value: Pair): readonly [number, number] => (typeof value === "number" ? [value, value] : value);
/**
 * The geometry of a convolution, as PyTorch names it: stride 1, padding 0, dilation 1, one group, with a bias unless
 * told.
 */
export interface ConvOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** `[B, inChannels, H, W]` to `[B, outChannels, H', W']`. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: Pair,
    { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true }: ConvOptions = {},
  ) {
    super();
    const [height, width] = both(kernel);
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
    this.weight = new Parameter([outChannels, inChannels / groups, height, width]);
    this.bias = bias ? new Parameter([outChannels]) : null;
  }
  override resetParameters(): void {
    init.kaimingUniform(this.weight, { a: Math.sqrt(5) });
    const fanIn = this.weight.numel() / this.weight.size(0);
    if (this.bias) init.uniform(this.bias, { low: -1 / Math.sqrt(fanIn), high: 1 / Math.sqrt(fanIn) });
  }
  forward(x: Tensor): Tensor {
    const { bias, stride, padding, dilation, groups } = this;
    return F.conv2d(x, this.weight, { bias, stride, padding, dilation, groups });
  }
}

/** The transpose of a convolution; `weight` is `[inChannels, outChannels, kh, kw]`. */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly stride: Pair;
  readonly padding: Pair;
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: Pair,
    { stride = 1, padding = 0, bias = true }: { stride?: Pair; padding?: Pair; bias?: boolean } = {},
  ) {
    super();
    const [height, width] = both(kernel);
    this.stride = stride;
    this.padding = padding;
    this.weight = new Parameter([inChannels, outChannels, height, width]);
    this.bias = bias ? new Parameter([outChannels]) : null;
  }
  override resetParameters(): void {
    init.kaimingUniform(this.weight, { a: Math.sqrt(5) });
    if (this.bias) init.zeros(this.bias);
  }
  forward(x: Tensor): Tensor {
    const { bias, stride, padding } = this;
    return F.convTranspose2d(x, this.weight, { bias, stride, padding });
  }
}

/** Largest element of each patch of `[B, C, H, W]`; the stride is the kernel unless told. */
export class MaxPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: F.PoolOptions = {},
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.kernel, this.options);
  }
}
/** Mean of each patch of `[B, C, H, W]`; the stride is the kernel unless told. */
export class AvgPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: F.PoolOptions = {},
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.kernel, this.options);
  }
}
