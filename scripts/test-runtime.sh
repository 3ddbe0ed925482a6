#!/usr/bin/env bash
# Builds the runtime's tests in C++ and runs them. usage: test-runtime.sh [JUNIT-FILE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
report=${1:-}
build=.cache/runtime-tests
mkdir -p "$build"

# Where MPI is, oneDNN may be too: both come from one place without root.
mpi_prefix=$(dirname "$(dirname "$(command -v mpicxx)")")
cmake -S runtime-cuda -B "$build" -DCMAKE_PREFIX_PATH="$mpi_prefix" >"$build.log" 2>&1 || {
  cat "$build.log"
  exit 1
}
grep 'Left out' "$build.log" || true
cmake --build "$build" --parallel 2
ctest --test-dir "$build" --output-on-failure ${report:+--output-junit "$report"}
