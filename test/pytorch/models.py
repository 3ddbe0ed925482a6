"""The models of examples/gpt and examples/llama in PyTorch, layer by layer and under the same names, so that weights go
from one to the other by module path. Names are camelCase for that reason alone."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GPTOptions:
    vocabSize: int
    hiddenSize: int
    numLayers: int
    numHeads: int
    sequenceLength: int


@dataclass(frozen=True)
class LlamaOptions:
    vocabSize: int
    hiddenSize: int
    intermediateSize: int
    numLayers: int
    numHeads: int
    numKeyValueHeads: int
    ropeBase: float


def rotate(x: Tensor, base: float) -> Tensor:
    """Rotary positions of `x [B, H, T, D]`; feature i turns with feature i + D / 2 (Su et al. 2021, as in Llama)."""
    half = x.size(-1) // 2
    frequencies = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.outer(torch.arange(x.size(-2), dtype=torch.float64), frequencies)
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)


class SelfAttention(nn.Module):
    def __init__(self, embedDim: int, numHeads: int, numKeyValueHeads: int, bias: bool, ropeBase: float | None):
        super().__init__()
        self.headDim = embedDim // numHeads
        self.ropeBase = ropeBase
        self.qProj = nn.Linear(embedDim, embedDim, bias=bias)
        self.kProj = nn.Linear(embedDim, numKeyValueHeads * self.headDim, bias=bias)
        self.vProj = nn.Linear(embedDim, numKeyValueHeads * self.headDim, bias=bias)
        self.outProj = nn.Linear(embedDim, embedDim, bias=bias)

    def heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.headDim)).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(self.qProj(x)), self.heads(self.kProj(x)), self.heads(self.vProj(x))
        if self.ropeBase is not None:
            q, k = rotate(q, self.ropeBase), rotate(k, self.ropeBase)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.size(1) != k.size(1))
        return self.outProj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, hiddenSize: int):
        super().__init__()
        self.upProj = nn.Linear(hiddenSize, 4 * hiddenSize)
        self.downProj = nn.Linear(4 * hiddenSize, hiddenSize)

    def forward(self, x: Tensor) -> Tensor:
        return self.downProj(F.gelu(self.upProj(x), approximate="tanh"))


class SwiGLU(nn.Module):
    def __init__(self, hiddenSize: int, intermediateSize: int):
        super().__init__()
        self.gateProj = nn.Linear(hiddenSize, intermediateSize, bias=False)
        self.upProj = nn.Linear(hiddenSize, intermediateSize, bias=False)
        self.downProj = nn.Linear(intermediateSize, hiddenSize, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.downProj(F.silu(self.gateProj(x)) * self.upProj(x))


class Block(nn.Module):
    """Pre-norm residual block; the sequence is the same in both models."""

    def __init__(self, norm1: nn.Module, attn: nn.Module, norm2: nn.Module, mlp: nn.Module):
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = norm1, attn, norm2, mlp

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, o: GPTOptions):
        super().__init__()
        h = o.hiddenSize
        self.tokenEmbedding = nn.Embedding(o.vocabSize, h)
        self.positionEmbedding = nn.Embedding(o.sequenceLength, h)
        self.blocks = nn.ModuleList(
            Block(nn.LayerNorm(h), SelfAttention(h, o.numHeads, o.numHeads, True, None), nn.LayerNorm(h), MLP(h))
            for _ in range(o.numLayers)
        )
        self.norm = nn.LayerNorm(h)
        self.head = nn.Linear(h, o.vocabSize, bias=False)
        self.head.weight = self.tokenEmbedding.weight

    def forward(self, inputIds: Tensor) -> Tensor:
        """`inputIds [B, T]` to logits `[B, T, vocabSize]`."""
        x = self.tokenEmbedding(inputIds) + self.positionEmbedding(torch.arange(inputIds.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Llama(nn.Module):
    def __init__(self, o: LlamaOptions):
        super().__init__()
        h = o.hiddenSize
        self.tokenEmbedding = nn.Embedding(o.vocabSize, h)
        self.blocks = nn.ModuleList(
            Block(
                nn.RMSNorm(h, eps=1e-6),
                SelfAttention(h, o.numHeads, o.numKeyValueHeads, False, o.ropeBase),
                nn.RMSNorm(h, eps=1e-6),
                SwiGLU(h, o.intermediateSize),
            )
            for _ in range(o.numLayers)
        )
        self.norm = nn.RMSNorm(h, eps=1e-6)
        self.head = nn.Linear(h, o.vocabSize, bias=False)
        self.head.weight = self.tokenEmbedding.weight

    def forward(self, inputIds: Tensor) -> Tensor:
        """`inputIds [B, T]` to logits `[B, T, vocabSize]`."""
        x = self.tokenEmbedding(inputIds)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def nextTokenLoss(logits: Tensor, inputIds: Tensor) -> Tensor:
    """Mean cross-entropy of every place's logits against the token after it."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), inputIds[:, 1:].flatten())
