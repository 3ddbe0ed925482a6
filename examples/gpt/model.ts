// GPT-2 (Radford et al. 2019): learned positions, layer norms before attention and MLP, tied embeddings.
import { arange, nn, type Tensor } from "dreamc";

export interface GPTOptions {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly sequenceLength: number;
}

class MLP extends nn.Module {
  readonly upProj: nn.Linear;
  readonly downProj: nn.Linear;
  constructor(hiddenSize: number) {
    super();
    this.upProj = new nn.Linear(hiddenSize, 4 * hiddenSize);
    this.downProj = new nn.Linear(4 * hiddenSize, hiddenSize);
  }
  forward(x: Tensor): Tensor {
    return this.downProj.forward(this.upProj.forward(x).gelu({ approximate: "tanh" }));
  }
}

class Block extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly attn: nn.SelfAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: MLP;
  constructor({ hiddenSize, numHeads }: GPTOptions) {
    super();
    this.norm1 = new nn.LayerNorm(hiddenSize);
    this.attn = new nn.SelfAttention({ embedDim: hiddenSize, numHeads });
    this.norm2 = new nn.LayerNorm(hiddenSize);
    this.mlp = new MLP(hiddenSize);
  }
  forward(x: Tensor): Tensor {
    const attended = x.add(this.attn.forward(this.norm1.forward(x)));
    return attended.add(this.mlp.forward(this.norm2.forward(attended)));
  }
}

export class GPTModel extends nn.Module {
  readonly tokenEmbedding: nn.Embedding;
  readonly positionEmbedding: nn.Embedding;
  readonly blocks: nn.ModuleList<Block>;
  readonly norm: nn.LayerNorm;
  readonly head: nn.Linear;
  constructor(readonly options: GPTOptions) {
    super();
    const { vocabSize, hiddenSize, numLayers, sequenceLength } = options;
    this.tokenEmbedding = new nn.Embedding(vocabSize, hiddenSize);
    this.positionEmbedding = new nn.Embedding(sequenceLength, hiddenSize);
    this.blocks = new nn.ModuleList(Array.from({ length: numLayers }, () => new Block(options)));
    this.norm = new nn.LayerNorm(hiddenSize);
    this.head = new nn.Linear(hiddenSize, vocabSize, { bias: false, weight: this.tokenEmbedding.weight });
  }
  /** `inputIds [B, T]` to logits `[B, T, vocabSize]`. */
  forward(inputIds: Tensor): Tensor {
    const positions = arange(inputIds.size(1));
    let x = this.tokenEmbedding.forward(inputIds).add(this.positionEmbedding.forward(positions));
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}
