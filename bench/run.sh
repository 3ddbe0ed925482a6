#!/usr/bin/env bash
# `npm run bench`: sets up what is missing, builds dreamc and the benchmark, runs it. PyTorch is set up where a part needs it.
# DREAMC_TORCH_PYTHON names another Python that has PyTorch. Flags are those of bench/main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

set_up
node_modules/.bin/tsc -p bench/tsconfig.json
exec node build/bench/js/bench/main.js "$@"
