#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# A package that depends on this checkout as any other would, with default settings and no flags,
# builds without warnings and runs; and so does the program of the article Getting started.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
mkdir -p "$package/Sources/consumer" "$package/Sources/getting-started"

cat >"$package/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "consumer",
  dependencies: [.package(name: "swift-urcu", path: "$root")],
  targets: [
    .executableTarget(
      name: "consumer",
      dependencies: [
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "SequenceLocks", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
      ]),
    .executableTarget(
      name: "getting-started",
      dependencies: [.product(name: "ReadCopyUpdate", package: "swift-urcu")]),
  ]
)
MANIFEST
cp "$root/Tests/Scripts/consumer.swift.txt" "$package/Sources/consumer/Consumer.swift"

# The Swift code of the article, as one program.
article="$root/Sources/ReadCopyUpdate/ReadCopyUpdate.docc/GettingStarted.md"
sed -n '/^```swift$/,/^```$/{/^```/d;p}' "$article" \
  >"$package/Sources/getting-started/GettingStarted.swift"

for configuration in debug release; do
  bash "$root/Tests/Scripts/without-warnings.sh" "$package" \
    swift build --package-path "$package" -c "$configuration"
  programs=$(swift build --package-path "$package" -c "$configuration" --show-bin-path)
  "$programs/consumer"
  output=$("$programs/getting-started")
  if [ "$output" != "99 0" ]; then
    echo "consumer: the article's program printed “$output”, not “99 0”" >&2
    exit 1
  fi
done
