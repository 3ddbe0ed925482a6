// Linear maps and lookups.
import * as F from "../functional/index.js";
import * as init from "../init.js";
import { Parameter, type Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** `x weightᵀ + bias`: `[..., inFeatures]` to `[..., outFeatures]`; `weight` is `[outFeatures, inFeatures]`, another module's where the two are tied. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true, weight = null }: { bias?: boolean; weight?: Parameter | null } = {},
  ) {
    super();
    this.weight = weight ?? new Parameter([outFeatures, inFeatures]);
    this.bias = bias ? new Parameter([outFeatures]) : null;
  }
  override resetParameters(): void {
    init.kaimingUniform(this.weight, { a: Math.sqrt(5) });
    if (this.bias)
      init.uniform(this.bias, { low: -1 / Math.sqrt(this.inFeatures), high: 1 / Math.sqrt(this.inFeatures) });
  }
  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias);
  }
}

/** Rows of `weight [numEmbeddings, embeddingDim]` by index. */
export class Embedding extends Module {
  readonly weight: Parameter;
  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
  ) {
    super();
    this.weight = new Parameter([numEmbeddings, embeddingDim]);
  }
  override resetParameters(): void {
    init.normal(this.weight);
  }
  forward(indices: Tensor): Tensor {
    return F.embedding(indices, this.weight);
  }
}
