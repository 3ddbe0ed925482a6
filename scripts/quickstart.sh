#!/usr/bin/env bash
# From nothing to a trained language model: installs what is missing, makes a corpus of the text that npm brought, builds
# examples/gpt, trains it on two ranks, shows how the loss fell. Quick the second time.
#   QUICKSTART_STEPS=500  how long to train
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

steps=${QUICKSTART_STEPS:-500}
corpus=build/quickstart/corpus
metrics=build/quickstart/metrics.jsonl
dreamc() { node dist/src/cli/main.js "$@"; }

set_up

if [[ ! -f $corpus/manifest.json ]]; then
  step "preparing a corpus: type declarations and READMEs in node_modules"
  dreamc data prepare 'node_modules/**/*.d.ts' 'node_modules/**/README.md' --tokenizer bytes -o "$corpus"
fi

step "building examples/gpt"
dreamc build examples/gpt/trainer.ts -o build/gpt

step "training on 2 ranks for $steps steps"
dreamc run examples/gpt/trainer.ts -o build/gpt -n 2 -- \
  --set datasetPath="$corpus" --max-steps "$steps" --metrics "$metrics"

step "how the loss fell"
node scripts/show-loss.cjs "$metrics"

cat <<'END'

Next:
  build/gpt/src                     the C++ that the trainer became
  examples/mlp/trainer.ts           the smallest trainer
  npm install -g .                  makes the command dreamc; without it: node dist/src/cli/main.js
  README.md                         the way on
END
