"""Prints PyTorch's loss of the second batch with weights that a dreamc program exported.

    python loss_of_export.py MODEL WEIGHTS TOKENS"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from models import nextTokenLoss
from reference import batchSize, make, namedParameters, sequenceLength

kind, weightsFile, tokensFolder = sys.argv[1:]
weights = load_file(weightsFile)
model = make[kind]()
with torch.no_grad():
    for name, parameter in namedParameters(model).items():
        parameter.copy_(weights[name])
    raw = (Path(tokensFolder) / "train.bin").read_bytes()[64:]
    tokens = torch.frombuffer(bytearray(raw), dtype=torch.uint16).long().view(-1, batchSize, sequenceLength)
    print(nextTokenLoss(model(tokens[1]), tokens[1]).item())
