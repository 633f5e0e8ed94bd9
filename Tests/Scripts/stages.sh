#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# stages.sh TARGET…
# Makes each of these targets of the Makefile, one after the other, up to the first that fails. At
# the end comes a table: how long each took, by the clock and of processors' time.
set -euo pipefail

cd "$(dirname "$0")/../.."
make=${MAKE:-make}
rows=()
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Of the processes that have ended, user and system time, as "0m1.5s 0m0.2s". Not in a pipe: there
# the shell would tell its own.
processor_time() {
  times >"$work/times"
  spent=$(tail -n 1 "$work/times")
}

for target; do
  from=$SECONDS
  processor_time
  before=$spent
  "$make" --no-print-directory "$target" || status=$?
  processor_time
  rows+=("$target|$((SECONDS - from))|$before|$spent|$status")
  [ "$status" -eq 0 ] || break
done

printf '\n==> Stages\n'
printf '%s\n' "${rows[@]}" | awk -F'|' '
  function seconds(text,    parts, pair, sum, i) {
    sum = 0
    for (i = split(text, parts, " "); i > 0; i--) {
      split(parts[i], pair, "m")
      sum += pair[1] * 60 + pair[2]
    }
    return sum
  }
  BEGIN { printf "%-24s %8s %14s\n", "stage", "seconds", "processors" }
  {
    spent = seconds($4) - seconds($3)
    printf "%-24s %8d %14d%s\n", $1, $2, spent, $5 == 0 ? "" : "  FAILED"
    total += $2
    all += spent
  }
  END { printf "%-24s %8d %14d\n", "all", total, all }'
exit "$status"
