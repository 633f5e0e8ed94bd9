#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The quick tests where system calls are missing or forbidden, as on an older kernel or under a
# container's profile: no membarrier, no PROCMAP_QUERY, no perf_event_open, no ptrace. They pass, or
# are skipped and say what is missing. The debug build is there already.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

clang -std=gnu17 -Wall -Wextra -Werror -O1 -o "$work/deny" "$root/Tests/Scripts/deny.c"
# The demonstration, where it is built, says so too.
race=$(ls "$root"/Examples/.build/*/maps-race 2>/dev/null | head -n 1 || true)

status=0
"$work/deny" membarrier:ENOSYS -- true || status=$?
if [ "$status" -eq 69 ]; then
  echo "denied: NOT TESTED: filters for system calls can't be installed here"
  exit 0
fi
[ "$status" -eq 0 ] || { echo "denied: deny ended with $status" >&2; exit 1; }
"$work/deny" membarier:EPERM -- true 2>/dev/null || status=$?
[ "$status" -eq 64 ] ||
  { echo "denied: a call that there is none of was accepted, status $status" >&2; exit 1; }

# The tests of a package: the library's, or the tools'.
tests_of() {
  ls -d "$(swift build --package-path "$1" --show-bin-path)"/*.xctest
}
library=$(tests_of "$root")
tools=$(tests_of "$root/Tools")

# denied PROGRAM FILTER WORD… -- CALL:ERROR…: the tests of that filter, whose output has each of the
# words.
denied() {
  local program=$1 filter=$2 words=()
  shift 2
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  echo "denied: $*"
  SWIFT_URCU_TESTS=quick "$work/deny" "$@" -- "$program" --testing-library swift-testing \
    --filter "$filter" --skip CompileTests >"$work/log" 2>&1 || {
    grep -aE '^✘|^↳|error:' "$work/log" >&2 || tail -n 50 "$work/log" >&2
    echo "denied: tests fail without $*" >&2
    exit 1
  }
  for word in "${words[@]}"; do
    grep -aqF "$word" "$work/log" ||
      { echo "denied: nothing says “$word” without $*" >&2; exit 1; }
  done
  grep -a 'Test run with' "$work/log"
}

missing=(membarrier:ENOSYS procmap_query:ENOTTY perf_event_open:ENOSYS ptrace:ENOSYS)
denied "$library" . "no PROCMAP_QUERY" -- "${missing[@]}"
denied "$tools" . -- "${missing[@]}"
# Forbidden, where that isn't the same as missing.
denied "$library" ReadCopyUpdateTests -- membarrier:EPERM
denied "$tools" StraceReplayTests "strace can't be used" -- perf_event_open:EPERM ptrace:EPERM

if [ -n "$race" ]; then
  "$work/deny" membarrier:ENOSYS procmap_query:ENOTTY -- "$race" --seconds 0.2 --runs 1 \
    --strategy kernel --strategy snapshot >"$work/log" 2>&1
  grep -q '^no PROCMAP_QUERY here' "$work/log" ||
    { cat "$work/log" >&2; echo "denied: maps-race doesn't say what is missing" >&2; exit 1; }
  echo "denied: maps-race says that the kernel has no PROCMAP_QUERY"
fi
