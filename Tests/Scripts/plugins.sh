#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# plugins.sh [CHECKOUT [CASE…]]
# A program with two plug-ins, each linked statically with a copy of the library of its own (Tests/Plugins):
# threads that read by both, forks, plug-ins that are loaded and closed beside that; with their symbols local
# and global. The library is that of CHECKOUT, by default this one. Each case runs once, or for
# SWIFT_URCU_STRESS_SECONDS.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
checkout=$(cd "${1:-$root}" && pwd)
cases=("${@:2}")
[ ${#cases[@]} -gt 0 ] || cases=(lists values flavors ends fork busy load join close reload)
rounds=10
# A processor that others use for a while is no error.
seconds_max=120

work=$(mktemp -d)
group=
# Also what a run has left behind: nothing less ends a process that waits for a lock with all signals blocked.
end_group() {
  [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null || true
  group=
}
trap 'end_group; rm -rf "$work"' EXIT

# MARK: The plug-ins and their host

package=$work/plugins
for plugin in PluginA PluginB; do
  mkdir -p "$package/Sources/$plugin"
  cp "$root/Tests/Plugins/Plugin.swift" "$package/Sources/$plugin/"
done
cat >"$package/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let plugins = ["PluginA", "PluginB"]

let package = Package(
  name: "plugins",
  products: plugins.map { .library(name: \$0, type: .dynamic, targets: [\$0]) },
  dependencies: [.package(name: "swift-urcu", path: "$checkout")],
  targets: plugins.map {
    .target(
      name: \$0,
      dependencies: [
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
      ])
  }
)
MANIFEST
bash "$root/Tests/Scripts/without-warnings.sh" "$package" \
  swift build --package-path "$package" -c release
folder=$(swift build --package-path "$package" -c release --show-bin-path)
clang -std=gnu17 -pthread -Wall -Wextra -Wundef -Werror -O2 -g "$root"/Tests/Plugins/*.c -o "$work/host" -ldl

# MARK: The cases

# run CASE local|global: its status, in $status.
run() {
  status=0
  timeout --signal=KILL "$seconds_max" "$work/host" "$folder" "$1" "$rounds" "$2" &
  group=$!
  wait "$group" || status=$?
  end_group
}

now() { echo "${EPOCHREALTIME/[.,]/}"; }
stress_microseconds=$(awk -v seconds="${SWIFT_URCU_STRESS_SECONDS:-0}" 'BEGIN { printf "%d", seconds * 1e6 }')
failed=()
check() {
  local from runs=0
  from=$(now)
  while
    run "$@"
    runs=$((runs + 1))
    [ "$status" -eq 0 ] && [ $(($(now) - from)) -lt "$stress_microseconds" ]
  do :; done
  echo "plugins: $*: $((runs * rounds)) rounds, $((($(now) - from) / 1000)) ms"
  case $status in
    0) return ;;
    137) echo "plugins: $*: it hung" >&2 ;;
    *) echo "plugins: $*: status $status" >&2 ;;
  esac
  failed+=("$*")
}
for name in "${cases[@]}"; do
  check "$name" local
  check "$name" global
done
[ ${#failed[@]} -eq 0 ] || { printf 'plugins: FAILED: %s\n' "${failed[@]}" >&2; exit 1; }
