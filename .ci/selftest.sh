#!/usr/bin/env bash
# Tests what .ci/stages.sh promises, on a module of its own whose tests fail as they are told: what is run again, what is final, what is counted.
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/stages.sh
# shellcheck disable=SC2034 # stages.sh reads it
final_stages=

module=$work/module
mkdir -p "$module/flaky" "$module/broken"
printf 'module example\n\ngo 1.21\n' >"$module/go.mod"
cat >"$module/flaky/flaky_test.go" <<'GO'
package flaky

import (
	"flag"
	"os"
	"testing"
)

var marks = flag.String("marks", "", "a folder in which a test that ran leaves a file")

// once tells whether it is asked the first time for that name.
func once(name string) bool {
	f, err := os.OpenFile(*marks+"/"+name, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		f.Close()
	}
	return err == nil
}

func TestFine(t *testing.T) {
	if !once("fine") {
		t.Error("a test that passed was run again")
	}
}

func TestShaky(t *testing.T) {
	if once("shaky") {
		t.Error("the first time it fails")
	}
}

func TestGroup(t *testing.T) {
	t.Run("a(b)", func(t *testing.T) {
		if once("group") {
			t.Error("the first time it fails\n    --- FAIL: TestGroup/c (0.00s)")
		}
	})
	t.Run("good", func(t *testing.T) {
		if !once("good") {
			t.Error("a subtest that passed was run again")
		}
	})
}
GO
cat >"$module/broken/broken_test.go" <<'GO'
package broken

import (
	"flag"
	"testing"
)

var (
	marks = flag.String("marks", "", "not used here")
	how   = flag.String("how", "", "how it fails")
)

func TestBroken(t *testing.T) {
	switch *how {
	case "promise":
		t.Error("PROMISE BROKEN: a write is lost")
	case "panic":
		panic("as told")
	default:
		t.Error("it fails each time")
	}
}
GO
cd "$module"

wrong=0
say() { printf 'selftest: %s\n' "$*"; wrong=1; }
# expect NAME VERDICT FLAKES WORDS COMMAND: the stage's verdict, how many flakes it added, and words of its output
expect() {
  local name=$1 verdict=$2 count=$3 words=$4 before=$flakes status=ok
  shift 4
  mkdir -p "$work/marks"
  "$@" >"$work/output" 2>&1 || status=FAILED
  [ "$status" = "$verdict" ] || say "$name is $status, it should be $verdict: $(cat "$work/output")"
  [ $((flakes - before)) = "$count" ] || say "$name counts $((flakes - before)) flakes, not $count"
  grep -qF "$words" "$work/output" || say "$name does not say \"$words\": $(cat "$work/output")"
  rm -rf "$work/marks"
}

expect flaky ok 2 'FLAKY: example/flaky TestShaky' flaky ./flaky -marks="$work/marks"
expect 'a broken test' FAILED 0 'failed in its second run too' flaky ./broken -marks="$work/marks"
expect 'both' FAILED 0 'the first time it fails' flaky ./flaky ./broken -marks="$work/marks"
expect 'a promise' FAILED 0 'this failure is final' flaky ./broken -how=promise
expect 'a panic' FAILED 0 'this failure is final' flaky ./broken -how=panic
echo 'package broken; nonsense' >broken/broken.go
expect 'what does not build' FAILED 0 'names no test' flaky ./broken
rm broken/broken.go

# a race is ours if an access goes through our code; that our code started the goroutine is not enough
race() { printf '%s\n' 'WARNING: DATA RACE' 'Write at 0x1 by goroutine 2:' "  $1" '' 'Previous read at 0x1 by goroutine 3:' '  github.com/x/y.b()' '' \
  'Goroutine 2 (running) created at:' '  github.com/paddock-zk/paddock/fencing/lock.Connect()'; }
race 'github.com/paddock-zk/paddock/zab/peer.a()' >"$work/output"
our_race "$work/output" || say 'a race of ours is taken for that of a library'
race 'github.com/x/y.a()' >"$work/output"
! our_race "$work/output" || say 'a race of a library is taken for ours'

# the summary: its last line counts the flakes, a stage that had some says so, and what was left out is there
one() { flaky ./flaky -marks="$work/marks"; }
two() { echo 'the longer tests (go test -long)' >>"$PADDOCK_LEFT_OUT/1"; }
mkdir -p "$work/marks"
flakes=0
stages one two >"$work/output" 2>&1 || say "the stages failed: $(cat "$work/output")"
[ "$(tail -n 1 "$work/output")" = 'flakes: 2' ] || say "the last line is $(tail -n 1 "$work/output")"
grep -qE '^one +[0-9]+s  FLAKY \(2\)$' "$work/output" || say "no verdict FLAKY: $(cat "$work/output")"
grep -qF '1 × the longer tests (go test -long)' "$work/output" || say "what was left out is not told: $(cat "$work/output")"

[ "$wrong" = 0 ] && echo 'selftest: what is run again, what is final and what is counted is right'
exit "$wrong"
