#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# What needs no liburcu is built and tested where pkg-config finds none, and isn't linked with it:
# SequenceLocks. A package that uses only that product builds there too.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$root/.build-without-liburcu
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT

export PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH=
if pkg-config --exists liburcu-bp 2>/dev/null; then
  echo "without-liburcu: pkg-config still finds one" >&2
  exit 1
fi

# no_liburcu PROGRAM
no_liburcu() {
  if ldd "$1" | grep -q liburcu; then
    echo "without-liburcu: $1 is linked with liburcu" >&2
    exit 1
  fi
}

export SWIFT_URCU_PART=locks
bash "$root/Tests/Scripts/run-tests.sh" swift test --package-path "$root" --scratch-path "$scratch"
programs=$(swift build --package-path "$root" --scratch-path "$scratch" --show-bin-path)
no_liburcu "$(ls -d "$programs"/*.xctest)"
# No header of it was read.
if grep -rlE '/urcu/|/urcu\.h' "$programs" --include='*.d' | grep -q .; then
  echo "without-liburcu: liburcu's headers were read" >&2
  exit 1
fi
unset SWIFT_URCU_PART

mkdir -p "$package/Sources/locks"
cat >"$package/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "locks",
  dependencies: [.package(name: "swift-urcu", path: "$root")],
  targets: [
    .executableTarget(
      name: "locks", dependencies: [.product(name: "SequenceLocks", package: "swift-urcu")])
  ]
)
MANIFEST
cat >"$package/Sources/locks/Locks.swift" <<'PROGRAM'
import SequenceLocks

@main
struct Locks {
  static func main() {
    let lock = SequenceLock(41)
    lock.withWriteLock { $0 += 1 }
    print("without liburcu:", lock.load())
  }
}
PROGRAM
swift build --disable-index-store --package-path "$package"
program=$(swift build --package-path "$package" --show-bin-path)/locks
no_liburcu "$program"
[ "$("$program")" = "without liburcu: 42" ]
echo "without-liburcu: SequenceLocks is tested, and used by a package, without it"
