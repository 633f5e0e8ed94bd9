#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# run-tests.sh COMMAND…
# Runs a test command. If it fails, says again at the end which tests did and why: tests run at the
# same time, and the end of a long log is what one sees.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"$@" 2>&1 | tee "$log" || status=$?
[ "$status" -eq 0 ] && exit 0

echo "run-tests: $* ended with $status:" >&2
grep -aE '^✘|recorded an issue|^↳|Fatal error|Precondition failed|ThreadSanitizer:|AddressSanitizer:|LeakSanitizer:' \
  "$log" | grep -avE '^↳ (Testing Library|Target Platform)' | head -n 100 >&2 || true
exit "$status"
