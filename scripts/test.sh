#!/usr/bin/env bash
# Every test there is: set-up, type check, lint, the tests in TypeScript, the runtime's tests in C++. The last line is
# `N passed, N failed, N skipped`, the sum over all runners; a runner that crashes is a failed test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

reports=$(mktemp -d)
num_passed=0
num_failed=0
num_skipped=0

finish() {
  local code=$?
  # The script itself broke off.
  if ((code != 0)); then num_failed=$((num_failed + 1)); fi
  rm -rf "$reports"
  echo
  echo "$num_passed passed, $num_failed failed, $num_skipped skipped"
  ((num_failed == 0)) || exit 1
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

add() { # passed failed skipped
  num_passed=$((num_passed + $1))
  num_failed=$((num_failed + $2))
  num_skipped=$((num_skipped + $3))
}

# A command that is one test.
check() { # name command...
  local name=$1
  shift
  if "$@" </dev/null; then
    echo "ok      $name"
    add 1 0 0
  else
    echo "FAILED  $name"
    add 0 1 0
  fi
}

# Adds `passed failed skipped` that `scripts/count-tests.cjs` reads from a report. A runner that failed without a failed
# test, or left no report, counts as one.
add_report() { # name exit-code format file
  local counts
  counts=$(node scripts/count-tests.cjs "$3" "$4") || counts="0 1 0"
  read -r passed failed skipped <<<"$counts"
  if (($2 != 0 && failed == 0)); then failed=1; fi
  echo "$1: $passed passed, $failed failed, $skipped skipped"
  add "$passed" "$failed" "$skipped"
}

step "set-up"
set_up tests

step "type check"
check "types" node_modules/.bin/tsc -p . --noEmit
step "lint"
check "lint" node_modules/.bin/biome check --colors=off .

step "tests in TypeScript"
code=0
node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$reports/vitest.json" </dev/null || code=$?
add_report "tests in TypeScript" "$code" vitest "$reports/vitest.json"

step "tests of the runtime"
code=0
bash scripts/test-runtime.sh "$reports/ctest.xml" </dev/null || code=$?
add_report "tests of the runtime" "$code" junit "$reports/ctest.xml"
