#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Puts a bug into a copy of the model, three times another one, and expects the random scripts to
# find it within a minute: a comparison with the kernel that never fails would prove nothing.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=Sources/VirtualMemory

for item in Package.swift Package.resolved Sources CShims Tests Tools/Package.swift Tools/Sources Tools/Tests; do
  if [ -e "$root/$item" ]; then
    mkdir -p "$(dirname "$folder/$item")"
    cp -R "$root/$item" "$folder/$item"
  fi
done

# try NAME FILE OLD NEW: with OLD, which must be in FILE once, replaced by NEW.
try() {
  local name=$1 file=$folder/$model/$2 old=$3 new=$4 status=0
  [ "$(grep -cF -- "$old" "$file")" -eq 1 ] ||
    { echo "seeded-bugs: “$old” is not in $2 once: change this script with it" >&2; exit 1; }
  cp "$file" "$folder/original"
  OLD=$old NEW=$new perl -pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$file"
  echo "seeded bug: $name"
  SWIFT_BACKTRACE=enable=no SWIFT_URCU_STRESS_SECONDS=60 swift test --package-path "$folder/Tools" \
    --filter "MapScriptsTests.DifferentialTests/stress" >"$folder/output" 2>&1 || status=$?
  if grep -q "^nothing is compared with the kernel" "$folder/output"; then
    grep "^nothing is compared" "$folder/output"
    exit 0
  fi
  if [ "$status" -eq 0 ] || ! grep -q "the kernel and the model differ" "$folder/output"; then
    tail -n 30 "$folder/output" >&2
    echo "seeded-bugs: not found: $name" >&2
    exit 1
  fi
  # The first script that shows it, and both answers.
  sed -n '/^↳ the kernel and the model differ/,/^[✘◇]/p' "$folder/output" | sed '/^[✘◇]/,$d'
  cp "$folder/original" "$file"
}

try "memory that was touched apart merges with what is before it" AddressSpace/Record+Merge.swift \
  "before.continues(in: self) && sharesArea(with: before)" "before.continues(in: self)"
try "a stack's guard gap is one page larger" AddressSpace/MemoryMap+Faults.swift \
  "address - previous.end < configuration.stackGuardGap" \
  "address - previous.end <= configuration.stackGuardGap"
try "a move may take one VMA more" AddressSpace/AddressSpace+Remap.swift \
  "mapCount + 2 < configuration.mapCountMax - 3" "mapCount + 1 < configuration.mapCountMax - 3"
echo "all three were found"
