#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Runs the benchmarks in their short form. They check themselves that all sides find the same; this
# checks that what they print and write is well-formed. Times are never looked at.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "benchmarks: $1" >&2
  cat "$work/table" >&2
  exit 1
}

swift build -c release --package-path "$root/Benchmarks" --product swift-urcu-benchmarks
program=$(swift build -c release --package-path "$root/Benchmarks" --show-bin-path)
program+=/swift-urcu-benchmarks

"$program" --quick --rounds 5 --json "$work/json" >"$work/table" ||
  fail "the short form failed"
for line in 'kernel: Linux [0-9]' 'cores: [1-9]' 'processor: .' 'liburcu: [0-9(]'; do
  grep -qE "^$line" "$work/table" || fail "the machine's description lacks “$line”"
done
[ "$(grep -c '^## ' "$work/table")" -eq 7 ] || fail "the table doesn't have 7 groups"

# Every line after the column names is a group, or a name, a median, a unit, a ratio, and so on.
rows=$(sed '1,/^ *median /d' "$work/table" | grep -vE '^(## .*)?$')
wrong=$(grep -vE '^[^ ].* {2,}[0-9.,]+ +(ns|bytes) +[0-9.,]+ .*(\(baseline\)|[^ ]) {2,}[^ ]' \
  <<<"$rows" || true)
[ -z "$wrong" ] || fail "not a row of the table: $wrong"
count=$(wc -l <<<"$rows")
[ "$count" -ge 25 ] || fail "only $count rows"
if grep -qwiE 'nan|inf' "$work/table" "$work/json"; then fail "a figure is not a number"; fi
for key in baseline group meaning median name ratio ratioMax ratioMin unit values; do
  found=$(grep -cE "^ +\"$key\" : " "$work/json")
  [ "$found" -eq "$count" ] || fail "the JSON has “$key” $found times for $count rows"
done

# Wrong arguments are refused.
if "$program" --quick --rounds 1 >/dev/null 2>&1; then fail "--rounds 1 was accepted"; fi
if "$program" --quick --filter "no such group" >/dev/null 2>&1; then
  fail "a filter that matches nothing was accepted"
fi
echo "benchmarks: $count rows, well-formed"
