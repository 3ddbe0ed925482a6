#!/usr/bin/env bash
# `npm run bench`: sets up what is missing (PyTorch too, the first time), builds dreamc and the benchmark, runs it.
# DREAMC_TORCH_PYTHON names another Python that has PyTorch. Flags are those of bench/main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

set_up
python=${DREAMC_TORCH_PYTHON:-$(bash scripts/torch.sh)}
node_modules/.bin/tsc -p bench/tsconfig.json
exec node build/bench/js/bench/main.js --python "$python" "$@"
