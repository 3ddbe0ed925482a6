"""Makes the stored fixtures anew: `python test/pytorch/make_fixtures.py`, by hand, with PyTorch 2.15 and safetensors.
The versions that made them are in each expected.json."""

from pathlib import Path

from reference import make, writeReference

# Adam's first step moves a weight by the sign of its gradient alone. Of this seed no gradient of either model is so near to
# zero (under 5e-7, but for key biases, whose size is of no consequence) that rounding decides.
seed = 12
fixtures = Path(__file__).resolve().parent.parent / "fixtures" / "pytorch"
for kind in make:
    writeReference(kind, fixtures / kind, seed)
    print(f"wrote {fixtures / kind}")
