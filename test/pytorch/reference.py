"""What PyTorch makes of a small model: random weights and tokens from a seed, the logits and gradients of the first batch,
the losses of some AdamW steps; in float32, in float64 (how far float32 is off by itself) and under bfloat16 autocast.

    python reference.py MODEL --out FOLDER --seed N

FOLDER gets `weights.safetensors` (names as the trainers in trainers/ have them), `tokens/` (a token folder of dreamc),
`expected.safetensors` (`logits` and `gradient.NAME` in float32) and `expected.json`."""

import argparse
import json
import platform
import struct
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models import GPT, GPTOptions, Llama, LlamaOptions, nextTokenLoss

# The sizes of trainers/*.ts.
vocabSize, hiddenSize, numLayers, numHeads, sequenceLength, batchSize = 61, 32, 2, 4, 16, 4
learningRate, weightDecay, betas, clip = 3e-3, 0.1, (0.9, 0.95), 2.0
numSteps, numBatches = 10, 20
prefix = "model."

make = {
    "gpt": lambda: GPT(GPTOptions(vocabSize, hiddenSize, numLayers, numHeads, sequenceLength)),
    "llama": lambda: Llama(LlamaOptions(vocabSize, hiddenSize, 88, numLayers, numHeads, 2, 10000.0)),
}


def randomize(model: nn.Module, generator: torch.Generator) -> None:
    """Values at which every part of the model matters: no bias at zero, no scale at one, scores that differ."""
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        with torch.no_grad():
            if parameter.ndim == 2:
                parameter.copy_(noise * 0.2)
            else:
                parameter.copy_(noise * 0.1 + (1.0 if is_scale(model, parameter) else 0.0))


def is_scale(model: nn.Module, parameter: nn.Parameter) -> bool:
    norms = (module for module in model.modules() if isinstance(module, (nn.LayerNorm, nn.RMSNorm)))
    return any(norm.weight is parameter for norm in norms)


def namedParameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Tied ones once, under their first path."""
    return {prefix + name: parameter for name, parameter in model.named_parameters()}


class Training:
    """A copy of the given weights and its optimizer, at one precision."""

    def __init__(self, kind: str, weights: dict[str, Tensor], dtype: torch.dtype, autocast: bool):
        self.model = make[kind]().to(dtype)
        self.autocast = autocast
        with torch.no_grad():
            for name, parameter in namedParameters(self.model).items():
                parameter.copy_(weights[name])
        parameters = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in parameters if p.ndim == 2], "weight_decay": weightDecay},
                {"params": [p for p in parameters if p.ndim != 2], "weight_decay": 0.0},
            ],
            lr=learningRate,
            betas=betas,
        )

    def backward(self, inputIds: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and loss; leaves gradients behind. The loss is taken in the full precision of the logits."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
            logits = self.model(inputIds)
        loss = nextTokenLoss(logits.float() if self.autocast else logits, inputIds)
        self.optimizer.zero_grad()
        loss.backward()
        return logits.detach(), loss.detach()

    def gradients(self) -> dict[str, Tensor]:
        return {name: p.grad.detach().clone() for name, p in namedParameters(self.model).items()}

    def run(self, batches: list[Tensor]) -> dict:
        losses, norms = [], []
        for i, inputIds in enumerate(batches):
            logits, loss = self.backward(inputIds)
            if i == 0:
                first = {"logits": logits, "gradients": self.gradients()}
            norms.append(nn.utils.clip_grad_norm_(self.model.parameters(), clip).item())
            losses.append(loss.item())
            self.optimizer.step()
        return {**first, "losses": losses, "gradNorms": norms}


def distance(a: Tensor, b: Tensor, least: float = 0.0) -> float:
    """Norm of the difference over the norm of `b`, or over `least` where that is more."""
    return ((a.double() - b.double()).norm() / max(b.double().norm().item(), least)).item()


def together(gradients: dict[str, Tensor]) -> Tensor:
    """All gradients as one vector, by name."""
    return torch.cat([gradients[name].double().flatten() for name in sorted(gradients)])


def distances(a: dict[str, Tensor], b: dict[str, Tensor]) -> dict[str, float]:
    """By gradient. A thousandth of the norm of all together is the least that a difference is related to: the gradient of
    a key's bias is zero in exact arithmetic, as softmax does not see what is added to all scores of a row."""
    least = together(b).norm().item() / 1000
    return {name: distance(gradient, b[name], least) for name, gradient in a.items()}


def firstStepDistances(a: dict, b: dict) -> dict:
    """Of two runs."""
    return {
        "logits": distance(a["logits"], b["logits"]),
        "together": distance(together(a["gradients"]), together(b["gradients"])),
        "gradients": distances(a["gradients"], b["gradients"]),
    }


def writeTokens(folder: Path, tokens: Tensor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    flat = tokens.flatten().tolist()
    header = struct.pack("<8sIIQ", b"DREAMTOK", 1, 2, len(flat)).ljust(64, b"\0")
    (folder / "train.bin").write_bytes(header + struct.pack(f"<{len(flat)}H", *flat))
    splits = {"train": {"file": "train.bin", "numTokens": len(flat)}}
    manifest = {
        "format": "dreamc-tokens", "version": 1, "tokenizer": "random", "vocabSize": vocabSize, "dtype": "u16", "splits": splits,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def writeReference(kind: str, out: Path, seed: int) -> None:
    torch.use_deterministic_algorithms(True)
    generator = torch.Generator().manual_seed(seed)
    model = make[kind]()
    randomize(model, generator)
    weights = {name: parameter.detach().clone() for name, parameter in namedParameters(model).items()}
    tokens = torch.randint(vocabSize, (numBatches, batchSize, sequenceLength), generator=generator)
    batches = list(tokens[:numSteps])
    single = Training(kind, weights, torch.float32, autocast=False).run(batches)
    double = Training(kind, weights, torch.float64, autocast=False).run(batches)
    mixed = Training(kind, weights, torch.float32, autocast=True).run(batches)

    out.mkdir(parents=True, exist_ok=True)
    save_file(weights, out / "weights.safetensors")
    writeTokens(out / "tokens", tokens)
    save_file(
        {"logits": single["logits"], **{f"gradient.{name}": g for name, g in single["gradients"].items()}},
        out / "expected.safetensors",
    )
    expected = {
        "model": kind,
        "seed": seed,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "safetensors": safetensors.__version__,
        },  # fmt: skip
        "losses": single["losses"],
        "gradNorms": single["gradNorms"],
        "float64": {
            "losses": double["losses"],
            "gradNorms": double["gradNorms"],
            "distanceOfFloat32": firstStepDistances(single, double),
        },
        "bf16": {
            "losses": mixed["losses"],
            "gradNorms": mixed["gradNorms"],
            "distanceFromFloat32": firstStepDistances(mixed, single),
        },
    }
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=sorted(make))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    writeReference(arguments.model, arguments.out, arguments.seed)
