# What .ci/run and .ci/nightly share: how stages are run, how a flaky test is told from a broken one, and the summary.
# It is sourced, not run. A stage is a shell function of the script that sources it.

work=$(mktemp -d)
mkdir -p "$work/left-out"
burners=()
stop_burners() {
  local pid
  for pid in "${burners[@]}"; do kill "$pid" 2>/dev/null || true; done
  burners=()
}
trap 'stop_burners; rm -rf "$work"' EXIT

# Tests write here what they leave out and how it is run (zktest.LeftOut); the summary lists it.
export PADDOCK_LEFT_OUT=$work/left-out

flakes=0
omitted= # a stage that could not be run here sets it, and the summary says so instead of ok

# What no second run can make good: a panic, a promise that a checker saw broken, or a race of ours.
final='^panic: |^fatal error: |PROMISE BROKEN'

# our_race LOG: whether a race was reported in which one of the two accesses goes through our code. go-zookeeper 1.0.4 has one of its own: while
# it sets watches again after a reconnect it reads the last zxid that another of its goroutines writes. A test that meets that one is run again.
our_race() {
  awk '
    /WARNING: DATA RACE/ { accesses = 1 }
    /^[ \t]*Goroutine [0-9]+ \(/ { accesses = 0 }
    accesses && /paddock-zk\/paddock/ { ours = 1 }
    END { exit !ours }
  ' "$1"
}

# flaky FLAGS PACKAGES: go test for packages that start real processes. A test that fails is run again once, alone; if it passes then, it
# counts as a flake. The output of the first failure stays in the log, since nothing that is printed is taken back.
flaky() {
  local log=$work/flaky.log failed=() line
  if go test "$@" 2>&1 | tee "$log"; then return 0; fi
  if grep -qE "$final" "$log" || our_race "$log"; then
    echo 'ci: this failure is final: a race, a panic or a broken promise is not run again.'
    return 1
  fi
  failing "$log" >"$work/failing" || { echo 'ci: this failure names no test that could be run again.'; return 1; }
  while IFS= read -r line; do failed+=("$line"); done <"$work/failing"
  for line in "${failed[@]}"; do
    # shellcheck disable=SC2086 # package, pattern and name are three words
    again $line "$@" || return 1
  done
  flakes=$((flakes + ${#failed[@]}))
}

# again PACKAGE PATTERN NAME FLAGS: the one test once more, with the flags of the first run. The test must be seen to pass: a pattern that matches
# nothing would pass too.
again() {
  local package=$1 pattern=$2 name=$3 flags=() flag log=$work/again.log
  shift 3
  for flag in "$@"; do
    case $flag in -run=* | -count=* | -shuffle=* | ./*) ;; *) flags+=("$flag") ;; esac
  done
  printf 'ci: %s failed in %s; its output is above. It is run once more.\n' "$name" "$package"
  # flags of the test itself, as -faults=all, must come behind the package
  if go test -v -count=1 -run="$pattern" "$package" "${flags[@]}" >"$log" 2>&1 && grep -qF -e "--- PASS: $name (" "$log"; then
    printf 'ci: FLAKY: %s %s passed in its second run.\n' "$package" "$name"
    return 0
  fi
  cat "$log"
  printf 'ci: %s failed in its second run too.\n' "$name"
  return 1
}

# failing LOG: a line "package pattern name" for each test that failed: of a test with subtests, those of its subtests that failed. It fails when
# a package failed without naming a test, as when it does not build.
failing() {
  awk '
    function quote(s) { gsub(/[][\\.*^$+?(){}|]/, "\\\\&", s); return s }
    /^--- FAIL: / { top = $3; tops[++n] = top; under[top] = "" }
    /^    --- FAIL: / && split($3, part, "/") == 2 && part[1] in under { under[part[1]] = under[part[1]] " " part[2] }
    /^FAIL\t/ {
      if (n == 0) unnamed = 1
      for (i = 1; i <= n; i++) {
        top = tops[i]
        count = split(under[top], subs, " ")
        if (count == 0) print $2, "^" quote(top) "$", top
        for (k = 1; k <= count; k++) print $2, "^" quote(top) "$/^" quote(subs[k]) "$", top "/" subs[k]
      }
      n = 0; delete under; named = 1
    }
    END { exit unnamed || !named }
  ' "$1"
}

# busily COMMAND: the command while every processor has something else to do too
busily() {
  local status=0 i
  for ((i = 0; i < $(nproc); i++)); do
    (while :; do :; done) &
    burners+=($!)
  done
  "$@" || status=$?
  stop_burners
  return "$status"
}

# left_out: what tests left out of this run, each kind once
left_out() { cat "$PADDOCK_LEFT_OUT"/* 2>/dev/null | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1 × /' || true; }

# stages NAMES: runs them one after the other and prints the summary. Behind a stage that is named in $final_stages nothing means anything if it fails.
stages() {
  local summary=() failed=0 started=$SECONDS stage from before verdict
  for stage in "$@"; do
    if ! declare -F "$stage" >/dev/null; then
      printf 'ci: there is no stage %s.\n' "$stage"
      return 2
    fi
  done
  for stage in "$@"; do
    printf '\n== %s\n' "$stage"
    from=$SECONDS before=$flakes verdict=ok omitted=
    "$stage" || verdict=FAILED
    [ "$verdict" = ok ] && [ "$flakes" -gt "$before" ] && verdict="FLAKY ($((flakes - before)))"
    [ "$verdict" = ok ] && [ -n "$omitted" ] && verdict='LEFT OUT'
    summary+=("$(printf '%-12s %5ds  %s' "$stage" $((SECONDS - from)) "$verdict")")
    [ "$verdict" = FAILED ] || continue
    failed=1
    case " $final_stages " in *" $stage "*) break ;; esac
  done
  printf '\n== summary, %ds in all\n' $((SECONDS - started))
  printf '%s\n' "${summary[@]}"
  if [ -n "$(left_out)" ]; then
    printf 'left out:\n'
    left_out | sed 's/^/  /'
  fi
  printf 'flakes: %d\n' "$flakes"
  return "$failed"
}
