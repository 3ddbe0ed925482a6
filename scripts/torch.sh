#!/usr/bin/env bash
# PyTorch for comparisons with it: a virtual environment outside the repository, kept between runs. Prints its Python;
# fails if it cannot be had. Takes about a minute and 5 GB the first time.
set -euo pipefail

folder=${XDG_CACHE_HOME:-$HOME/.cache}/dreamc/torch-2.15.0
python=$folder/bin/python
imports() { [[ -x $python ]] && "$python" -c 'import torch, numpy, safetensors' 2>/dev/null; }

if ! imports; then
  echo "-- installing PyTorch 2.15.0 to $folder" >&2
  python3 -m venv --clear "$folder" >&2
  "$folder/bin/pip" install -q --disable-pip-version-check torch==2.15.0 numpy safetensors </dev/null >&2
  imports
fi
echo "$python"
