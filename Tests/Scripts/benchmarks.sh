#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Runs the benchmarks in their short form, without peers and with those that are installed. They
# check themselves that all sides find the same; this checks that what they print and write is
# well-formed. Times are never looked at.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

groups=33
rows_without_peers=285
# The rows of each library that Peers/build.sh makes of what is installed.
declare -A rows_of=(
  [concurrencykit]=10
  [crossbeam-epoch]=4
  [std-map]=41
  [absl-btree]=41
)

fail() {
  echo "benchmarks: $1" >&2
  cat "$work/table" >&2
  exit 1
}

swift build -c release --package-path "$root/Benchmarks" --product swift-urcu-benchmarks
program=$(swift build -c release --package-path "$root/Benchmarks" --show-bin-path)
program+=/swift-urcu-benchmarks

# run <rows>, then arguments: the table and the JSON have all groups and that many rows.
run() {
  local expected=$1 line rows wrong count key found
  shift
  "$program" --quick --rounds 5 --json "$work/json" "$@" >"$work/table" ||
    fail "the short form failed"
  for line in 'kernel: Linux [0-9]' 'cores: [1-9]' 'processor: .' 'liburcu: [0-9(]'; do
    grep -qE "^$line" "$work/table" || fail "the machine's description lacks “$line”"
  done
  count=$(grep -c '^## ' "$work/table")
  [ "$count" -eq "$groups" ] || fail "the table has $count groups, not $groups"

  # Every line after the column names is a group, or a name, a median, a unit, a ratio, and so on.
  rows=$(sed '1,/^ *median /d' "$work/table" | grep -vE '^(## .*)?$')
  wrong=$(grep -vE '^[^ ].* {2,}[0-9.,]+ +(ns|bytes|pages|times|MB\/s|1\/s) +[0-9.,]+ .*(\(baseline\)|[^ ]) {2,}[^ ]' \
    <<<"$rows" || true)
  [ -z "$wrong" ] || fail "not a row of the table: $wrong"
  count=$(wc -l <<<"$rows")
  [ "$count" -eq "$expected" ] || fail "$count rows, not $expected"
  if grep -qwiE 'nan|inf' "$work/table" "$work/json"; then fail "a figure is not a number"; fi
  for key in baseline group meaning median name ratio minimumRatio maximumRatio unit values; do
    found=$(grep -cE "^ +\"$key\" : " "$work/json" || true)
    [ "$found" -eq "$count" ] || fail "the JSON has “$key” $found times for $count rows"
  done
}

# What isn't built is named.
run "$rows_without_peers"
for name in 'C, ck epoch' 'C, ck sequence' 'Rust, crossbeam-epoch' 'C++, std::map' \
  'C++, absl::btree_map'; do
  grep -q "^$name: not built, left out" "$work/table" || fail "the table doesn't name “$name”"
done

# What is installed is built, and takes part.
bash "$root/Benchmarks/Peers/build.sh"
peers=$root/Benchmarks/.build/peers
expected=$rows_without_peers
for peer in "${!rows_of[@]}"; do
  [ ! -e "$peers/libpeer-$peer.so" ] || expected=$((expected + rows_of[$peer]))
done
run "$expected" --peers "$peers"

# Bounds: the repository's name rows that there are, and hold when a thousand billion times worse is
# good enough; one that can't hold is broken in each of three measurements, named, and fails the run.
"$program" --quick --rounds 5 --peers "$peers" --slack 1e12 \
  --check "$root/Benchmarks/thresholds.txt" >"$work/table" || fail "a bound of the repository fails"
count=$(grep -cE '^(kept|skipped) ' "$work/table")
[ "$count" -eq "$(grep -cE '^[^#]' "$root/Benchmarks/thresholds.txt")" ] ||
  fail "$count bounds were compared"
bounded='Reading 8 bytes together'
check() {
  printf '%s | %s\n' "$bounded" "$1" >"$work/bounds"
  "$program" --quick --rounds 5 --check "$work/bounds" >"$work/table" 2>"$work/errors"
}
check 'Swift, SequenceLock | at most 1e-9 | C, plain copy' && fail "a broken bound was kept"
grep -q "^BROKEN .*$bounded | Swift, SequenceLock: at most .*: [0-9]" "$work/table" ||
  fail "a broken bound isn't named with its value"
[ "$(grep -c '^measuring: ' "$work/errors")" -eq 3 ] || fail "a broken bound isn't measured again"
check 'Swift, SequenceLock | at least 1e9' && fail "a broken bound of a value was kept"
check 'Swift, SequenceLock | at least 1e-9 | C, plain copy' || fail "a bound that holds was broken"
check 'C, ck sequence | at most 1 | C, plain copy' || fail "the bound of a missing peer fails"
grep -q '^skipped .*: C, ck sequence is left out$' "$work/table" || fail "a skipped bound isn't named"
for line in 'no such row | at most 1' 'Swift, SequenceLock | under 1' 'Swift, SequenceLock'; do
  check "$line" && fail "the bound “$line” was accepted"
done

# The drawing.
"$program" --quick --rounds 5 --filter Growth --plot "$work/growth.svg" >"$work/table" ||
  fail "the drawing failed"
count=$(grep -c '<polyline ' "$work/growth.svg")
[ "$count" -ge 7 ] || fail "the drawing has $count curves"
if grep -qwiE 'nan|inf' "$work/growth.svg"; then fail "the drawing has points that are no numbers"; fi

# Wrong arguments are refused.
if "$program" --quick --rounds 1 >/dev/null 2>&1; then fail "--rounds 1 was accepted"; fi
if "$program" --quick --filter "no such group" >/dev/null 2>&1; then
  fail "a filter that matches nothing was accepted"
fi
echo "benchmarks: $expected rows, well-formed"
