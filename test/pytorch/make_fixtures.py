"""Makes the stored fixtures anew: `python test/pytorch/make_fixtures.py`, by hand, with PyTorch 2.15 and safetensors.
The versions that made them are in each expected.json."""

from pathlib import Path

from reference import make, writeReference

fixtures = Path(__file__).resolve().parent.parent / "fixtures" / "pytorch"
for kind in make:
    writeReference(kind, fixtures / kind, seed=15)
    print(f"wrote {fixtures / kind}")
