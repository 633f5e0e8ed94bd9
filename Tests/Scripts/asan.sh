#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# asan.sh SCRATCH-PATH [ARGUMENT…]
# Runs the tests under AddressSanitizer with LeakSanitizer. No suppressions; the first report ends
# the process.
set -euo pipefail

scratch=$1
shift

export ASAN_OPTIONS="halt_on_error=1 exitcode=67 detect_leaks=1 ${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="exitcode=68 ${LSAN_OPTIONS:-}"
# The runtime's crash handler reads memory that isn't its own: traps that are tested shall just end.
export SWIFT_BACKTRACE=enable=no
# A test compares this with what is linked.
export SWIFT_URCU_EXPECT_ASAN=1

# Not XCTest, which has no tests here and leaks a few objects.
# Memory that is used too late is used so soon; the long runs are without a sanitizer.
export SWIFT_URCU_STRESS_SECONDS=${SWIFT_URCU_STRESS_SECONDS:-0.3}

exec bash "$(dirname "$0")/run-tests.sh" swift test --disable-xctest --sanitize=address \
  --scratch-path "$scratch" "$@"
