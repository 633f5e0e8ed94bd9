#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# without-warnings.sh ROOT COMMAND…
# Runs COMMAND and fails if it fails, or if its output has a warning about a file below ROOT that
# is not a dependency's checkout, or about one of our manifests.
set -euo pipefail

root=$1
shift

log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"

# SwiftPM names a package after its folder, in lower case.
name=$(basename "$root" | tr '[:upper:]' '[:lower:]')
ours="^(${root}/[^:]*:[0-9]+:[0-9]+: warning:|warning: '(${name}|swift-urcu|examples|benchmarks)')"
if grep -E "$ours" "$log" | grep -vE '/\.build[^/]*/checkouts/' | sort -u >"$log.ours"; then
  if [ -s "$log.ours" ]; then
    echo "without-warnings: $(wc -l <"$log.ours") warning(s) in our own files:" >&2
    cat "$log.ours" >&2
    rm -f "$log.ours"
    exit 1
  fi
fi
rm -f "$log.ours"
