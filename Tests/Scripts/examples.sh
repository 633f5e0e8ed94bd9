#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The example programs do what they say, in a short form, and refuse what they should.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
programs=$(swift build --package-path "$root/Examples" --show-bin-path)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

expect_exit() {
  local expected=$1 status=0
  shift
  "$@" >"$folder/output" 2>&1 || status=$?
  if [ "$status" -ne "$expected" ]; then
    echo "examples: $* exited with $status, not $expected:" >&2
    cat "$folder/output" >&2
    exit 1
  fi
}

echo "maps-race: every strategy, in chunks and whole"
for form in "" --whole --no-pin; do
  # shellcheck disable=SC2086
  expect_exit 0 "$programs/maps-race" --seconds 0.5 --runs 1 $form \
    --json "$folder/race.json" --plot "$folder/race.svg"
  for strategy in snapshot speculative locked kernel; do
    grep -qE "^$strategy +[1-9][0-9]* " "$folder/output" ||
      { echo "examples: no row for $strategy" >&2; cat "$folder/output" >&2; exit 1; }
    grep -q "\"strategy\" : \"$strategy\"" "$folder/race.json"
    grep -q ">$strategy</text>" "$folder/race.svg"
  done
done
expect_exit 0 "$programs/maps-race" --seconds 0.2 --runs 1 --no-pause --no-busy \
  --reader-preferring --strategy locked

echo "maps-race: bad arguments"
expect_exit 64 "$programs/maps-race" --runs none
expect_exit 64 "$programs/maps-race" --scanners -1
expect_exit 64 "$programs/maps-race" --seconds 0
expect_exit 64 "$programs/maps-race" --strategy fastest
expect_exit 64 "$programs/maps-race" --no-such-option
expect_exit 66 "$programs/maps-race" --pid 2147483647
expect_exit 73 "$programs/maps-race" --seconds 0.05 --runs 1 --strategy snapshot \
  --json "$folder/none/race.json"

echo "rcu-hello, config-reload, signal-profiler"
expect_exit 0 "$programs/rcu-hello"
grep -q "hello, RCU" "$folder/output"
expect_exit 0 "$programs/config-reload"
grep -q "^ok: all are closed" "$folder/output"
expect_exit 0 "$programs/signal-profiler"
grep -qE "^ +[1-9][0-9]* +[0-9.]+% .*/signal-profiler$" "$folder/output"

echo "rcu-torture: every flavor and load"
expect_exit 0 "$programs/rcu-torture" --seconds 1.2
for flavor in bp memb mb qsbr; do
  grep -qE "^$flavor +[0-9.]+ +[1-9][0-9]* +[1-9][0-9]* .* 0$" "$folder/output" ||
    { echo "examples: no row for $flavor" >&2; cat "$folder/output" >&2; exit 1; }
done
expect_exit 0 "$programs/rcu-torture" --seconds 0.2 --readers 1 --updaters 1 --flavor memb \
  --no-stalls --no-floods --no-churn --no-forks --no-nesting --no-signals

echo "rcu-torture: every mutant is caught"
for mutant in no-section no-grace-period late-words no-registration; do
  expect_exit 1 "$programs/rcu-torture" --seconds 20 --mutant "$mutant"
  for flavor in bp memb mb qsbr; do
    [ "$flavor $mutant" = "bp no-registration" ] && continue
    grep -q "^error ($flavor): " "$folder/output" ||
      { echo "examples: $mutant is not caught with $flavor" >&2; cat "$folder/output" >&2; exit 1; }
  done
done
for mutant in no-stall-monitor no-limits; do
  expect_exit 0 "$programs/rcu-torture" --seconds 20 --flavor memb --mutant "$mutant" --expect-error
done
expect_exit 1 "$programs/rcu-torture" --seconds 0.2 --flavor mb --expect-error

echo "rcu-torture: bad arguments"
expect_exit 64 "$programs/rcu-torture" --flavor fastest
expect_exit 64 "$programs/rcu-torture" --readers 0
expect_exit 64 "$programs/rcu-torture" --seconds 0
expect_exit 64 "$programs/rcu-torture" --mutant no-such-mutant
expect_exit 64 "$programs/rcu-torture" --flavor bp --mutant no-registration
