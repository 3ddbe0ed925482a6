// Normalisations.
import * as F from "../functional/index.js";
import * as init from "../init.js";
import { Buffer, noGrad, Parameter, type Tensor } from "../tensor.js";
import { Module } from "./module.js";

const dims = (shape: number | readonly number[]): readonly number[] => (typeof shape === "number" ? [shape] : shape);

/** `(x - mean) / sqrt(variance + eps) * weight + bias` over the last dims (Ba et al. 2016). */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  constructor(
    normalizedShape: number | readonly number[],
    {
      eps = 1e-5,
      elementwiseAffine = true,
      bias = true,
    }: { eps?: number; elementwiseAffine?: boolean; bias?: boolean } = {},
  ) {
    super();
    this.normalizedShape = dims(normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(this.normalizedShape) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(this.normalizedShape) : null;
  }
  override resetParameters(): void {
    if (this.weight) init.ones(this.weight);
    if (this.bias) init.zeros(this.bias);
  }
  forward(x: Tensor): Tensor {
    return F.layerNorm(x, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}

/** `x / sqrt(mean(x²) + eps) * weight` over the last dims (Zhang and Sennrich 2019). */
export class RMSNorm extends Module {
  readonly weight: Parameter | null;
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  constructor(
    normalizedShape: number | readonly number[],
    { eps = 1e-6, elementwiseAffine = true }: { eps?: number; elementwiseAffine?: boolean } = {},
  ) {
    super();
    this.normalizedShape = dims(normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(this.normalizedShape) : null;
  }
  override resetParameters(): void {
    if (this.weight) init.ones(this.weight);
  }
  forward(x: Tensor): Tensor {
    return F.rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }
}

/** Over groups of channels of `[B, C, ...]` (Wu and He 2018). */
export class GroupNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  constructor(
    readonly numGroups: number,
    readonly numChannels: number,
    readonly eps = 1e-5,
  ) {
    super();
    this.weight = new Parameter([numChannels]);
    this.bias = new Parameter([numChannels]);
  }
  override resetParameters(): void {
    init.ones(this.weight);
    init.zeros(this.bias);
  }
  forward(x: Tensor): Tensor {
    return F.groupNorm(x, this.numGroups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}

/** Per channel of `[B, C, H, W]` over the whole batch (Ioffe and Szegedy 2015); running statistics when not training. */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly runningMean: Buffer;
  readonly runningVar: Buffer;
  readonly eps: number;
  readonly momentum: number;
  constructor(numFeatures: number, { eps = 1e-5, momentum = 0.1 }: { eps?: number; momentum?: number } = {}) {
    super();
    this.eps = eps;
    this.momentum = momentum;
    this.weight = new Parameter([numFeatures]);
    this.bias = new Parameter([numFeatures]);
    this.runningMean = new Buffer([numFeatures]);
    this.runningVar = new Buffer([numFeatures]);
  }
  override resetParameters(): void {
    init.ones(this.weight);
    init.zeros(this.bias);
    this.runningMean.zero_();
    this.runningVar.fill_(1);
  }
  forward(x: Tensor): Tensor {
    const along = [1, x.size(1), 1, 1];
    let mean: Tensor = this.runningMean;
    let variance: Tensor = this.runningVar;
    if (this.training) {
      mean = x.mean({ dim: [0, 2, 3] });
      variance = x
        .sub(mean.view(along))
        .square()
        .mean({ dim: [0, 2, 3] });
      const count = x.numel() / x.size(1);
      const [nextMean, nextVariance] = [mean, variance];
      noGrad(() => {
        this.runningMean.lerp_(nextMean.detach(), this.momentum);
        this.runningVar.lerp_(nextVariance.detach().mul(count / (count - 1)), this.momentum);
      });
    }
    const scale = variance.add(this.eps).rsqrt().mul(this.weight);
    return x.sub(mean.view(along)).mul(scale.view(along)).add(this.bias.view(along));
  }
}
