#!/usr/bin/env bash
# The tiny program from outside: what it writes, what it says, how it ends. usage: run-program.sh BUILD-FOLDER MPIRUN
set -uo pipefail
program=$1/tiny-program
mpi=("$2" --allow-run-as-root --oversubscribe)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
"$1/write-samples" data.safetensors
numFailed=0

# expect CODE TEXT COMMAND...: it ends with this code and says this.
expect() {
  local code=$1 text=$2 said actual
  shift 2
  said=$("$@" 2>&1)
  actual=$?
  if [[ $actual != "$code" || $said != *"$text"* ]]; then
    echo "FAILED: $* ended with $actual (expected $code) and said: $said (expected: $text)"
    numFailed=$((numFailed + 1))
  fi
}
# holds WHAT COMMAND...: the command succeeds.
holds() {
  local what=$1
  shift
  "$@" >/dev/null 2>&1 || { echo "FAILED: $what"; numFailed=$((numFailed + 1)); }
}

expect 0 "done after 20 steps on 1 ranks" "$program" --metrics m1 --export w1 --dump-gradients g1 --plan
holds "metrics have a train event" grep -q '"event":"train","step":20,"epoch":4,"metrics":{"loss":[0-9.e-]*,"learningRate":0.1},"tokens":16,"tokensPerSecond":' m1
holds "metrics have an end event" grep -q '"event":"end","step":20,"seconds":' m1
expect 0 "step 20  epoch 4  loss " "$program" --set verbose=true
expect 0 "] 20/20  loss " env DREAM_PROGRESS=bar "$program"
expect 0 "planned" "$program" --plan --max-steps 1
expect 0 "" "$program" --max-steps 3 --metrics m3
holds "three steps were taken" test "$(grep -c train m3)" = 3
expect 0 "" "$program" --metrics again --export w1b --deterministic
holds "two runs give the same bits" cmp w1 w1b
expect 0 "" "$program" --seed 7 --export w7
holds "another seed gives others" bash -c '! cmp w1 w7'

for ranks in 2 4; do
  expect 0 "done after 20 steps on $ranks ranks" "${mpi[@]}" -np $ranks "$program" --metrics m$ranks --export w$ranks --dump-gradients g$ranks
  # Losses to five digits: sums are taken in another order.
  losses() { sed -n 's/.*"loss":\([0-9.e-]*\),.*/\1/p' "$1" | xargs -n1 printf '%.4g\n'; }
  holds "losses on $ranks ranks are those of one" diff <(losses m1) <(losses m$ranks)
done

# Weights go out and in again.
expect 0 "" "$program" --init-from w1 --max-steps 0 --export copy
holds "weights come back as they were" cmp w1 copy
expect 1 "model.weight is missing" "$program" --init-from data.safetensors
expect 1 "x belongs to nothing in the program" "$program" --init-from data.safetensors
expect 1 "cannot read none" "$program" --init-from none
head -c 60 w1 >short
expect 1 "short is no safetensors file" "$program" --init-from short

# Wrong usage, and what cannot be.
expect 2 "did you mean --max-steps" "$program" --max-step 3
expect 2 "did you mean epochs" "$program" --set epoch=3
expect 2 "fixed at 3" "$program" --set hiddenSize=4
expect 0 "optimizer.rate = 0.5" "$program" --set optimizer.rate=0.5 --print-config
expect 0 "usage: tiny" "$program" --help
expect 1 "built for 1, 2, 4 or 8 ranks" "${mpi[@]}" -np 3 "$program"
expect 1 "cannot read none" "$program" --set data=none
expect 1 "cannot read none" "${mpi[@]}" -np 2 "$program" --set data=none
expect 1 "cannot write no/such/file" "$program" --export no/such/file
expect 1 "cannot write the metrics file no/such/file" "$program" --metrics no/such/file
expect 1 "ended before its first step" "$program" --max-steps 0 --dump-gradients g0
holds "no file is half-written" bash -c '! ls | grep -q unfinished && ! test -e g0'

# Signals: the first one ends after a step, with what was asked for; the second one ends at once.
interrupt() {
  "$@" &
  local pid=$!
  sleep 1
  kill -TERM $pid
  wait $pid
}
expect 0 "ending after this step" interrupt "$program" --set epochs=100000000 --export ws
holds "weights were written after a signal" test -s ws
# mpirun itself ends with 1 after a signal; its ranks end as they should.
expect 1 "wrote ws2" interrupt "${mpi[@]}" --mca odls_base_sigkill_timeout 20 -np 2 "$program" --set epochs=100000000 --export ws2
holds "weights were written after a signal, on two ranks" test -s ws2
twice() {
  "$program" --set epochs=100000000 --export never &
  local pid=$!
  sleep 1
  # While it is stopped it cannot end between the two.
  kill -STOP $pid
  kill -INT $pid
  kill -TERM $pid
  kill -CONT $pid
  wait $pid
  local code=$?
  # Which of two waiting signals comes second is up to the kernel.
  [[ $code == 130 || $code == 143 ]]
}
expect 0 "" twice
holds "nothing is left of a run that was ended at once" bash -c '! test -e never && ! ls | grep -q unfinished'

# A rank that dies ends the others.
dies() {
  "${mpi[@]}" -np 2 "$program" --set epochs=100000000 &
  local pid=$!
  sleep 2
  kill -KILL "$(pgrep -P $pid | tail -n 1)"
  wait $pid
  [[ $? != 0 ]]
}
start=$SECONDS
expect 0 ": rank 1, step " dies
holds "the run ends within seconds of a rank's death" test $((SECONDS - start)) -lt 60

[[ $numFailed == 0 ]] && echo "everything holds"
exit $((numFailed > 0))
