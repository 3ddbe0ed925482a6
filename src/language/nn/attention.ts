// Attention with causal masks, grouped key and value heads and rotary positions.
import * as F from "../functional/index.js";
import { arange, cat, type Tensor } from "../tensor.js";
import { Dropout } from "./activations.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** Rotates pairs of features by angles that grow with the position (Su et al. 2021). Halves are paired, as in Llama. */
export class RotaryEmbedding extends Module {
  constructor(
    readonly headDim: number,
    readonly base = 10000,
  ) {
    super();
    if (headDim % 2 !== 0) throw new Error(`rotary embeddings pair features, but a head has ${headDim}`);
  }
  /** `x [B, H, T, D]`; position t of the sequence is `start + t`. */
  forward(x: Tensor, start = 0): Tensor {
    const half = this.headDim / 2;
    const length = x.size(2);
    const frequencies = arange(half, { dtype: "f32" })
      .mul((-2 * Math.log(this.base)) / this.headDim)
      .exp();
    const angles = arange(start, start + length, { dtype: "f32" })
      .unsqueeze(1)
      .mul(frequencies.unsqueeze(0));
    const [cosine, sine] = [angles.cos().to(x.dtype), angles.sin().to(x.dtype)];
    const [a, b] = [x.narrow(-1, 0, half), x.narrow(-1, half, half)];
    return cat([a.mul(cosine).sub(b.mul(sine)), b.mul(cosine).add(a.mul(sine))], { dim: -1 });
  }
}

/**
 * Sizes of self-attention. `numHeads` divides `embedDim`, `numKeyValueHeads` divides `numHeads`; projections have
 * biases and masks are causal unless told.
 */
export interface AttentionOptions {
  readonly embedDim: number;
  readonly numHeads: number;
  /** Key and value heads; neighbouring query heads share one. As many as query heads unless told. */
  readonly numKeyValueHeads?: number;
  readonly bias?: boolean;
  readonly isCausal?: boolean;
  readonly dropout?: number;
  /** Positions by rotation; none unless told. */
  readonly rotary?: RotaryEmbedding | null;
}

/** Self-attention over `x [B, T, C]` with separate projections. */
export class SelfAttention extends Module {
  readonly qProj: Linear;
  readonly kProj: Linear;
  readonly vProj: Linear;
  readonly outProj: Linear;
  readonly dropout: Dropout;
  readonly rotary: RotaryEmbedding | null;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly isCausal: boolean;
  constructor({
    embedDim,
    numHeads,
    numKeyValueHeads = numHeads,
    bias = true,
    isCausal = true,
    dropout = 0,
    rotary = null,
  }: AttentionOptions) {
    super();
    if (embedDim % numHeads !== 0) throw new Error(`${embedDim} features do not divide into ${numHeads} heads`);
    if (numHeads % numKeyValueHeads !== 0)
      throw new Error(`${numHeads} query heads cannot share ${numKeyValueHeads} key heads evenly`);
    this.numHeads = numHeads;
    this.numKeyValueHeads = numKeyValueHeads;
    this.headDim = embedDim / numHeads;
    this.isCausal = isCausal;
    this.qProj = new Linear(embedDim, embedDim, { bias });
    this.kProj = new Linear(embedDim, numKeyValueHeads * this.headDim, { bias });
    this.vProj = new Linear(embedDim, numKeyValueHeads * this.headDim, { bias });
    this.outProj = new Linear(embedDim, embedDim, { bias });
    this.dropout = new Dropout(dropout);
    this.rotary = rotary;
  }
  private heads(x: Tensor, numHeads: number): Tensor {
    return x.view([x.size(0), x.size(1), numHeads, this.headDim]).transpose(1, 2);
  }
  forward(x: Tensor): Tensor {
    let q = this.heads(this.qProj.forward(x), this.numHeads);
    let k = this.heads(this.kProj.forward(x), this.numKeyValueHeads);
    const v = this.heads(this.vProj.forward(x), this.numKeyValueHeads);
    if (this.rotary) {
      q = this.rotary.forward(q);
      k = this.rotary.forward(k);
    }
    const mixed = F.scaledDotProductAttention(q, k, v, { isCausal: this.isCausal });
    return this.dropout.forward(this.outProj.forward(mixed.transpose(1, 2).flatten(2)));
  }
}
