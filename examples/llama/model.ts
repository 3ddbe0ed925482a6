// Llama (Touvron et al. 2023): RMSNorm before attention and MLP, rotary positions, grouped key heads, SwiGLU.
import { nn, type Tensor } from "dreamc";

export interface LlamaOptions {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly ropeBase: number;
  /** Whether the last projection is the token embedding. It is unless told. */
  readonly tieEmbeddings?: boolean;
}

/** silu(x gate) * (x up), projected down (Shazeer 2020). */
class SwiGLU extends nn.Module {
  readonly gateProj: nn.Linear;
  readonly upProj: nn.Linear;
  readonly downProj: nn.Linear;
  constructor(hiddenSize: number, intermediateSize: number) {
    super();
    this.gateProj = new nn.Linear(hiddenSize, intermediateSize, { bias: false });
    this.upProj = new nn.Linear(hiddenSize, intermediateSize, { bias: false });
    this.downProj = new nn.Linear(intermediateSize, hiddenSize, { bias: false });
  }
  forward(x: Tensor): Tensor {
    return this.downProj.forward(this.gateProj.forward(x).silu().mul(this.upProj.forward(x)));
  }
}

class Block extends nn.Module {
  readonly norm1: nn.RMSNorm;
  readonly attn: nn.SelfAttention;
  readonly norm2: nn.RMSNorm;
  readonly mlp: SwiGLU;
  constructor({ hiddenSize, intermediateSize, numHeads, numKeyValueHeads, ropeBase }: LlamaOptions) {
    super();
    const rotary = new nn.RotaryEmbedding(hiddenSize / numHeads, ropeBase);
    this.norm1 = new nn.RMSNorm(hiddenSize);
    this.attn = new nn.SelfAttention({ embedDim: hiddenSize, numHeads, numKeyValueHeads, bias: false, rotary });
    this.norm2 = new nn.RMSNorm(hiddenSize);
    this.mlp = new SwiGLU(hiddenSize, intermediateSize);
  }
  forward(x: Tensor): Tensor {
    const attended = x.add(this.attn.forward(this.norm1.forward(x)));
    return attended.add(this.mlp.forward(this.norm2.forward(attended)));
  }
}

export class Llama extends nn.Module {
  readonly tokenEmbedding: nn.Embedding;
  readonly blocks: nn.ModuleList<Block>;
  readonly norm: nn.RMSNorm;
  readonly head: nn.Linear;
  constructor(options: LlamaOptions) {
    super();
    const { vocabSize, hiddenSize, numLayers, tieEmbeddings = true } = options;
    this.tokenEmbedding = new nn.Embedding(vocabSize, hiddenSize);
    this.blocks = new nn.ModuleList(Array.from({ length: numLayers }, () => new Block(options)));
    this.norm = new nn.RMSNorm(hiddenSize);
    const weight = tieEmbeddings ? this.tokenEmbedding.weight : null;
    this.head = new nn.Linear(hiddenSize, vocabSize, { bias: false, weight });
  }
  /** `inputIds [B, T]` to logits `[B, T, vocabSize]`. */
  forward(inputIds: Tensor): Tensor {
    let x = this.tokenEmbedding.forward(inputIds);
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}
