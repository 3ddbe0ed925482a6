"""One PyTorch training program for the benchmark, tuned as somebody who knows PyTorch would: fused AdamW, losses without
a copy of the logits, nothing read back inside a step, autocast for bf16, torch.compile of the whole model and its loss.

It warms up, then takes commands from its standard input (`run N`, `end`) and answers each with one line of JSON, so that a
driver can let several programs take turns on one machine."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

start = time.perf_counter()

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "pytorch"))
from models import GPT, GPTOptions  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--vocabulary", type=int, default=50257)
parser.add_argument("--hidden", type=int, default=768)
parser.add_argument("--layers", type=int, default=12)
parser.add_argument("--heads", type=int, default=12)
parser.add_argument("--positions", type=int, default=1024)
parser.add_argument("--sequence", type=int, default=256)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
parser.add_argument("--mode", choices=["eager", "compiled"], default="eager")
parser.add_argument("--warm-up", type=int, default=3)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(0)

model = GPT(GPTOptions(args.vocabulary, args.hidden, args.layers, args.heads, args.positions))
for name, parameter in model.named_parameters():
    if parameter.ndim == 2:
        torch.nn.init.normal_(parameter, std=0.02)
    elif name.endswith("bias"):
        torch.nn.init.zeros_(parameter)
decay = [p for p in model.parameters() if p.ndim == 2]
noDecay = [p for p in model.parameters() if p.ndim != 2]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": noDecay, "weight_decay": 0.0}], lr=3e-4, fused=True
)


def lossOf(inputIds: torch.Tensor) -> torch.Tensor:
    # The last place of a sequence has no next token: ignoring it gives the mean over the others without the copy of the
    # logits that slicing makes.
    targets = F.pad(inputIds[:, 1:], (0, 1), value=-100)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        return F.cross_entropy(model(inputIds).flatten(0, 1), targets.flatten())


step_loss = torch.compile(lossOf) if args.mode == "compiled" else lossOf
parameters = list(model.parameters())


def trainStep() -> torch.Tensor:
    inputIds = torch.randint(args.vocabulary, (args.batch, args.sequence))
    loss = step_loss(inputIds)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


ready = time.perf_counter()
loss = trainStep().item()
first = time.perf_counter()
for _ in range(args.warm_up):
    trainStep()
say(
    event="ready",
    torch=torch.__version__,
    parameters=sum(p.numel() for p in parameters),
    loss=loss,
    startSeconds=ready - start,
    firstStepSeconds=first - ready,
)
for line in sys.stdin:
    command, *rest = line.split()
    if command == "end":
        break
    seconds = []
    for _ in range(int(rest[0])):
        before = time.perf_counter()
        trainStep()
        seconds.append(time.perf_counter() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    say(event="steps", seconds=seconds, peakBytes=peak)
