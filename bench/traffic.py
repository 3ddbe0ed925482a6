"""What one training step of PyTorch's eager mode launches and moves through device memory, counted op by op on tensors
without memory (device meta). The rules, the same as for a program of dreamc (bench/traffic.ts):

- An op that works on data is one launch, the fused and the foreach ones too; views and bare allocations are none.
- A launch reads each of its input tensors once and writes each of its results once; what it changes in place it reads and
  writes. Of a table that is looked up, only as much is read as comes out. Broadcast dims count once.
- Matrix products count as launches, their bytes do not.

PyTorch is used as on a CUDA device by somebody who knows it: autocast to bf16 by CUDA's lists (written out in `Autocast`,
because autocast does not know this device), weights cast once a step, flash attention, a table of rotary angles made once,
losses without a copy of the logits, `clip_grad_norm_` by foreach, fused AdamW, gradients set to none."""

import argparse
import json
import math
import sys
from collections import defaultdict
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "pytorch"))
import models  # noqa: E402

aten = torch.ops.aten
PRODUCTS = {aten.mm, aten.addmm, aten.bmm, aten.baddbmm}
# Allocations, and views whose schemas do not say so.
FREE = {
    aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided,
    aten._unsafe_view, aten._reshape_alias, aten.lift_fresh,
}  # fmt: skip
LOOKS_UP = {aten.embedding, aten.gather, aten.index, aten.nll_loss_forward}
# What these change without reading it first.
ONLY_WRITES = {aten.copy_, aten.fill_, aten.zero_}
# Written only where gradients are unscaled, which they are not here.
NOT_WRITTEN = {aten._fused_adamw_: {"grads"}}


def bytes_of(x: object) -> int:
    tensors = [t for t in tree_leaves(x) if isinstance(t, torch.Tensor)]
    return sum(
        t.element_size() * math.prod(n for n, stride in zip(t.shape, t.stride()) if stride != 0) for t in tensors
    )


class Counts(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.launches: dict[str, int] = defaultdict(int)
        self.bytes: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        packet, schema = func.overloadpacket, func._schema
        # A view: its result shares memory with an input, and nothing is written.
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        if packet in FREE or is_view or not any(isinstance(t, torch.Tensor) for t in tree_leaves((args, kwargs, result))):
            return result
        self.launches[str(packet)] += 1
        if packet in PRODUCTS:
            return result
        moved = 0
        changes = False
        given = {**{a.name: value for a, value in zip(schema.arguments, args)}, **kwargs}
        for argument in schema.arguments:
            value = given.get(argument.name)
            is_written = argument.alias_info is not None and argument.alias_info.is_write
            changes = changes or is_written
            is_written = is_written and argument.name not in NOT_WRITTEN.get(packet, set())
            is_read = not (is_written and packet in ONLY_WRITES)
            size = bytes_of(value)
            if packet in LOOKS_UP and argument.name in ("weight", "self"):
                size = min(size, bytes_of(result))
            moved += size * (int(is_read) + int(is_written))
        self.bytes[str(packet)] += moved if changes else moved + bytes_of(result)
        return result


# RMSNorm is one kernel forward and one backward on CUDA devices (aten._fused_rms_norm), but taken apart on others.
library = torch.library.Library("cuda_only", "DEF")
library.define("fused_rms_norm(Tensor x, Tensor weight) -> (Tensor, Tensor)")
library.define("fused_rms_norm_backward(Tensor grad, Tensor x, Tensor rstd, Tensor weight) -> (Tensor, Tensor)")
library.impl("fused_rms_norm", lambda x, weight: (torch.empty_like(x), x.new_empty(x.shape[:-1])), "Meta")
library.impl(
    "fused_rms_norm_backward",
    lambda grad, x, rstd, weight: (torch.empty_like(x), torch.empty_like(weight)),
    "Meta",
)


class FusedRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        out, rstd = torch.ops.cuda_only.fused_rms_norm(x, weight)
        ctx.save_for_backward(x, rstd, weight)
        return out

    @staticmethod
    def backward(ctx, grad):
        return torch.ops.cuda_only.fused_rms_norm_backward(grad, *ctx.saved_tensors)


class Autocast(TorchFunctionMode):
    """CUDA's autocast to bf16: products and attention in bf16, norms and the loss in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.cast: dict[int, torch.Tensor] = {}

    def low(self, x):
        if x is None or x.dtype == torch.bfloat16:
            return x
        if not x.is_leaf:
            return x.bfloat16()
        if id(x) not in self.cast:
            self.cast[id(x)] = x.bfloat16()
        return self.cast[id(x)]

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.linear:
            return func(*(self.low(each) for each in args), **{k: self.low(v) for k, v in kwargs.items()})
        if func is F.scaled_dot_product_attention:
            q, k, v = (self.low(each) for each in args[:3])
            return aten._scaled_dot_product_flash_attention(q, k, v, 0.0, kwargs["is_causal"])[0]
        if func is F.rms_norm:
            return FusedRMSNorm.apply(args[0].float(), kwargs["weight"])
        if func in (F.layer_norm, F.cross_entropy):
            return func(args[0].float(), *args[1:], **kwargs)
        return func(*args, **kwargs)


parser = argparse.ArgumentParser()
parser.add_argument("model", choices=["GPT", "Llama"])
parser.add_argument("--options", type=json.loads, required=True, help="of the model, as JSON")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--sequence", type=int, required=True)
args = parser.parse_args()

if args.model == "Llama":
    headDim = args.options["hiddenSize"] // args.options["numHeads"]
    angles = torch.empty(2, args.sequence, headDim // 2, dtype=torch.bfloat16, device="meta")

    def rotate(x: torch.Tensor, base: float) -> torch.Tensor:
        a, b = x.chunk(2, dim=-1)
        cosine, sine = angles
        return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)

    models.rotate = rotate

with torch.device("meta"):
    model = models.GPT(models.GPTOptions(**args.options)) if args.model == "GPT" else models.Llama(models.LlamaOptions(**args.options))
    inputIds = torch.empty(args.batch, args.sequence, dtype=torch.long)
parameters = list(model.parameters())
# The lists of devices that these may run on do not have meta.
for kind in ("foreach", "fused"):
    name = f"_get_{kind}_kernels_supported_devices"
    supported = [*getattr(_foreach_utils, name)(), "meta"]
    for module in (_foreach_utils, sys.modules["torch.optim.optimizer"]):
        if hasattr(module, name):
            setattr(module, name, lambda supported=supported: supported)
optimizer = torch.optim.AdamW(parameters, lr=3e-4, fused=True)


def train_step() -> None:
    with torch.device("meta"):
        targets = F.pad(inputIds[:, 1:], (0, 1), value=-100)
        with Autocast():
            loss = F.cross_entropy(model(inputIds).flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


train_step()  # makes the moments
counts = Counts()
with counts:
    train_step()
ops = sorted(counts.launches, key=lambda op: -counts.bytes[op])
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "parameters": sum(p.numel() for p in parameters),
            "ops": [{"name": op, "launches": counts.launches[op], "bytes": counts.bytes[op]} for op in ops],
        }
    )
)
