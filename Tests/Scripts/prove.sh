#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# prove.sh [MODEL…]
# Checks the models of Tests/Models with spin: each must hold in every interleaving, each witness must be found, and
# each mutant must fail. Prints a line for each; the error of a mutant is the first that was found. Ends with 1 if
# something isn't so. Takes up to ten minutes, two gigabytes in most cases and four at most.
set -euo pipefail

models=$(cd "$(dirname "$0")/../Models" && pwd)
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || chosen=(readers sleepable pins maplock table)
megabytes_max=12000
for program in spin gcc; do
  command -v "$program" >/dev/null 2>&1 || {
    echo "prove: $program is missing: install it, on Debian by apt-get install spin gcc" >&2
    exit 69
  }
done
for model in "${chosen[@]}"; do
  [ -f "$models/$model.pml" ] ||
    { echo "prove: there is no model $model; there are $(cd "$models" && echo *.pml)" >&2; exit 64; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# explore MODE MODEL FLAG…: $errors, $states, $seconds, and the first error in $what.
explore() {
  local mode=$1 model=$2 build=(-DSAFETY) run=()
  shift 2
  if [ "$mode" = cycles ]; then
    build=(-DNP)
    run=(-l -f)
  fi
  rm -rf "$work/build"
  mkdir "$work/build"
  (
    cd "$work/build"
    spin -a "$@" "$models/$model.pml" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
    gcc -O2 -w -DCOLLAPSE -DMEMLIM=$megabytes_max "${build[@]}" -o pan pan.c
    ./pan -m3000000 "${run[@]}" >pan.log 2>&1 || true
  )
  local log=$work/build/pan.log
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$log")
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$log")
  seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\) seconds/\1/p' "$log")
  what=$(sed -n 's/^pan:1: //p' "$log" | head -n 1)
  if [ -z "$errors" ] || grep -qE 'max search depth too small|out of memory|reached -DMEMLIM' "$log"; then
    errors=incomplete
    what=$(grep -E 'too small|memory|MEMLIM' "$log" | head -n 1)
  fi
}

line() { printf '%-10s %-62s %9s %8s  %.78s\n' "$@"; }

# holds MODE MODEL FLAG…: no error in all of it.
holds() {
  explore "$@"
  local model=$2
  shift 2
  if [ "$errors" = 0 ]; then
    line "$model" "$*" "$states" "$seconds" "holds"
  else
    line "$model" "$*" "$states" "$seconds" "FAILS: $what"
    failed=1
  fi
}

# fails MODE MODEL FLAG…: an error is found.
fails() {
  explore "$@"
  local model=$2
  shift 2
  if [ "$errors" = 0 ] || [ "$errors" = incomplete ]; then
    line "$model" "$*" "$states" "$seconds" "NOT FOUND: it holds, and must fail $what"
    failed=1
  else
    what=${what%% (at depth*}
    line "$model" "$*" "$states" "$seconds" "found: ${what#assertion violated }"
  fi
}

prove_readers() {
  local memory mutant
  local two=(-DREADERS=2 -DSECTIONS=1 -DPUBLICATIONS=1 -DLOOKS=1)
  local long=(-DSECTIONS=2 -DPUBLICATIONS=3 -DLOOKS=0)
  local handlers=(-DHANDLERS -DSECTIONS=1 -DPUBLICATIONS=3 -DLOOKS=0)
  for memory in TSO ARM64; do
    holds safety readers "-D$memory"
    holds safety readers "-D$memory" "${long[@]}"
    holds safety readers "-D$memory" "${handlers[@]}"
    holds safety readers "-D$memory" -DFENCES "${long[@]}"
    holds safety readers "-D$memory" "${two[@]}"
    for mutant in NO_MEMBARRIER ONE_NOTE LIGHT_IF_INSIDE NO_READER_FENCE NO_WRITER_FENCE NO_MARK_CHANGE \
      NEW_EACH_LOOK WITNESS_BACK; do
      fails safety readers "-D$memory" "-D$mutant"
    done
  done
  for mutant in NO_NUMBER_CHECK CHECK_FIRST WITNESS_SEALED; do
    fails safety readers -DTSO "${long[@]}" "-D$mutant"
  done
  fails safety readers -DTSO "${handlers[@]}" -DSTAYS_SEALED
  fails safety readers -DARM64 -DNO_END_FENCE
  fails safety readers -DARM64 -DFENCES "${long[@]}" -DPLAIN_LOAD
}

prove_sleepable() {
  local mutant
  holds safety sleepable
  holds cycles sleepable -DLIVENESS -DGRACE_PERIODS=1
  for mutant in SUM_BEGINNINGS_FIRST PLAIN_LOOK ONE_HALF NO_GRACE_PERIOD EARLY_END; do
    fails safety sleepable "-D$mutant"
  done
  fails cycles sleepable -DLIVENESS -DGRACE_PERIODS=1 -DNO_FLIP
}

prove_table() {
  local mutant
  holds safety table
  holds safety table -DTWO_INSERTERS
  for mutant in DUPLICATES_ANYWHERE TAG_FIRST MARK_FIRST KEEP_TAGS NO_LOCK_TO_MOVE NO_GRACE_PERIOD CUT_OFF; do
    fails safety table "-D$mutant"
  done
  fails safety table -DTWO_INSERTERS -DNO_LOOK
}

prove_pins() {
  local mutant
  holds safety pins
  for mutant in COUNT_LATE LOOK_EARLY FORGET_OLDER HOLD_BLINDLY HOLD_NOTHING; do
    fails safety pins "-D$mutant"
  done
}

prove_maplock() {
  local mutant few=(-DDOWNGRADERS=1 -DWRITERS=1)
  holds safety maplock
  holds safety maplock -DPREFER_READERS
  holds cycles maplock "${few[@]}"
  for mutant in NO_STEPPING_ASIDE CLEAR_EARLY EVEN_LATE NO_COUNTER; do
    fails safety maplock "-D$mutant"
  done
  fails cycles maplock "${few[@]}" -DNO_MUTEX
}

line model configuration states seconds result
for model in "${chosen[@]}"; do "prove_$model"; done
[ "$failed" -eq 0 ] || { echo "prove: something is not as it must be, see above" >&2; exit 1; }
