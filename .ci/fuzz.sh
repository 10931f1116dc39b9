#!/usr/bin/env bash
# Runs every fuzz target of the tree.
#
#   .ci/fuzz.sh SECONDS MOST    SECONDS for all targets together, at least 2 and at most MOST for each
#
# An input that breaks a target is written to testdata/fuzz beside it: commit it with the mend.
set -euo pipefail
cd "$(dirname "$0")/.."

total=$1 most=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

targets=()
for folder in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
  for target in $(grep -h '^func Fuzz' "$folder"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
    targets+=("$folder $target")
  done
done
[ ${#targets[@]} -gt 0 ] || { echo 'There are no fuzz targets.'; exit 1; }

seconds=$((total / ${#targets[@]}))
[ "$seconds" -le "$most" ] || seconds=$most
[ "$seconds" -ge 2 ] || seconds=2

# once FOLDER TARGET: on a busy machine the fuzzer itself may miss its own deadline and call that a failure; a finding names its input.
once() { go test -run='^$' -fuzz="^$2\$" -fuzztime="${seconds}s" -fuzzminimizetime=2s "$1" >"$log" 2>&1; }
missed_its_deadline() { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; }

for pair in "${targets[@]}"; do
  read -r folder target <<<"$pair"
  if ! once "$folder" "$target"; then
    cat "$log"
    missed_its_deadline || exit 1
    echo "The fuzzer missed its own deadline and found nothing in $target. It is run once more."
    once "$folder" "$target" || { cat "$log"; exit 1; }
  fi
  printf '%s %s: %s\n' "$folder" "$target" "$(grep -o 'execs: [0-9]*' "$log" | tail -n 1)"
done
