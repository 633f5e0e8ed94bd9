#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# tsan.sh SCRATCH-PATH [ARGUMENT…]
# Runs the tests under ThreadSanitizer. No suppressions; the first report ends the process.
set -euo pipefail

scratch=$1
shift

export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"
# A test compares this with what is linked.
export SWIFT_URCU_EXPECT_TSAN=1

# ThreadSanitizer's shadow has fixed places: with more than 28 bits of address space layout
# randomisation a program may not start ("unexpected memory mapping").
prefix=()
bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)
if [ "$bits" -gt 28 ] && setarch "$(uname -m)" -R true 2>/dev/null; then
  prefix=(setarch "$(uname -m)" -R)
fi

exec bash "$(dirname "$0")/run-tests.sh" "${prefix[@]}" swift test --sanitize=thread -Xcc -DSWIFT_URCU_TSAN=1 \
  --scratch-path "$scratch" "$@"
