#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# A signal handler reads after each instruction of a thread's end (Tests/ThreadEnds).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/.build-thread-ends
mkdir -p "$build"

includes=()
for folder in "$root"/CShims/*/include; do includes+=(-I "$folder"); done
read -ra cflags < <(pkg-config --cflags liburcu-bp; echo)
read -ra ldflags < <(pkg-config --libs-only-L liburcu-bp; echo)
libraries=(-lurcu-bp -lurcu-memb -lurcu-mb -lurcu-qsbr -lurcu-cds -lurcu-common)
# Not lazily: the first call of a function would be found by the loader, thousands of steps long.
clang -std=gnu17 -fblocks -pthread -Wall -Wextra -Wundef -Werror -O2 "${cflags[@]}" "${includes[@]}" \
  "$root"/Tests/ThreadEnds/steps.c "$root"/CShims/*/*.c "$root"/CShims/*/fork/*.c "${ldflags[@]}" "${libraries[@]}" \
  -Wl,-z,now -o "$build/steps"
# Most of the time is the kernel's, which raises the signals: of the long variant each third place, unless there is time.
stride=3
[ -z "${SWIFT_URCU_STRESS_SECONDS:-}" ] || stride=1
for variant in "reads 1" "reads-late $stride"; do
  # Nothing less ends a thread that waits for a lock with all signals blocked. A busy machine is no error.
  # shellcheck disable=SC2086
  timeout --signal=KILL 600 "$build/steps" $variant || {
    echo "thread-ends: $variant: status $?; 137: it hung" >&2
    exit 1
  }
done
