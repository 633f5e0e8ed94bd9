#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# stages.sh TARGET… [-- TARGET…]
# Makes each of these targets of the Makefile: those before `--` one after the other, those after it two
# at a time, because they leave half of two processors idle; the output of each comes as a whole when it
# ends. Nothing is begun after one that failed. At the end comes a table: how long each took, by the
# clock and of processors' time.
set -euo pipefail

cd "$(dirname "$0")/../.."
make=${MAKE:-make}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A job in the background doesn't hear of Ctrl-C by itself.
trap 'trap - TERM; rm -rf "$work"; kill -TERM 0' INT TERM
begun=()
start=$SECONDS

# Makes a target in a shell of its own, whose `times` are those of this target alone.
stage() {
  (
    status=0
    from=$SECONDS
    "$make" --no-print-directory "$1" || status=$?
    # Not in a pipe: there the shell would tell its own times.
    times >"$work/times.$1"
    echo "$((SECONDS - from))|$(tail -n 1 "$work/times.$1")|$status" >"$work/row.$1"
    exit "$status"
  )
}

table() {
  printf '\n==> Stages\n'
  for target in "${begun[@]}"; do
    echo "$target|$(cat "$work/row.$target" 2>/dev/null || echo '0|0m0s 0m0s|1')"
  done | awk -F'|' -v total="$((SECONDS - start))" '
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
      spent = seconds($3)
      printf "%-24s %8d %14d%s\n", $1, $2, spent, $4 == 0 ? "" : "  FAILED"
      all += spent
    }
    END { printf "%-24s %8d %14d\n", "all", total, all }'
}

fail() {
  table
  exit 1
}

while [ $# -gt 0 ] && [ "$1" != -- ]; do
  begun+=("$1")
  stage "$1" || fail
  shift
done
[ $# -eq 0 ] || shift

# One of two lanes: makes each target that the other hasn't claimed, while none has failed.
lane() {
  for target; do
    [ ! -e "$work/failed" ] || return 0
    mkdir "$work/claimed.$target" 2>/dev/null || continue
    echo "$target" >>"$work/begun"
    stage "$target" >"$work/log.$target" 2>&1 || touch "$work/failed"
    flock "$work" cat "$work/log.$target"
  done
}
if [ $# -gt 0 ]; then
  lane "$@" &
  lane "$@" &
  wait
  mapfile -t -O "${#begun[@]}" begun <"$work/begun"
  [ ! -e "$work/failed" ] || fail
fi
table
