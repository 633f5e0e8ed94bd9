#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Builds the peers that are installed into Benchmarks/.build/peers, for `--peers`. Installs nothing,
# says nothing of those that aren't there, and fails for none of them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$here/../.build/peers
mkdir -p "$out"
# What was built when a package was still installed must not be loaded.
rm -f "$out"/*.so

# Not every compiler knows nullability.
flags=(-O2 -fPIC -shared -Wall -Wno-unknown-pragmas -Wno-nullability-completeness
  -D_Nonnull= -D_Nullable= -I "$here/../Sources/CBaselines/include")

warn() { echo "peers: $1 is installed, but doesn't build here; left out" >&2; }

concurrencykit() {
  local compiler version
  compiler=$(command -v clang || command -v cc) || return 0
  "$compiler" -include ck_epoch.h -fsyntax-only -x c /dev/null 2>/dev/null || return 0
  version=$(pkg-config --modversion ck 2>/dev/null) || version=unknown
  "$compiler" "${flags[@]}" -DPEER_VERSION="\"$version\"" "$here"/concurrencykit/*.c -lck \
    -o "$out/libpeer-concurrencykit.so" || warn concurrencykit
}

# cxx_name COMPILER: what it is, for the report.
cxx_name() {
  "$1" -dM -E -x c++ /dev/null | awk '
    $2 == "__clang_major__" { clang = $3 }
    $2 == "__GNUC__" { gcc = $3 }
    END { print clang ? "clang " clang : "GCC " gcc }'
}

std_map() {
  local compiler version
  compiler=$(command -v clang++ || command -v c++) || return 0
  "$compiler" -std=c++17 -include shared_mutex -fsyntax-only -x c++ /dev/null 2>/dev/null ||
    return 0
  version=$("$compiler" -include map -dM -E -x c++ /dev/null |
    awk '$2 == "__GLIBCXX__" { print "libstdc++ " $3 } $2 == "_LIBCPP_VERSION" { print "libc++ " $3 }')
  "$compiler" -std=c++17 "${flags[@]}" -DPEER_VERSION="\"$version, $(cxx_name "$compiler")\"" \
    "$here/ordered-maps/std-map.cpp" -pthread -o "$out/libpeer-std-map.so" || warn "a C++ library"
}

abseil() {
  local compiler version cflags libs
  compiler=$(command -v clang++ || command -v c++) || return 0
  version=$(pkg-config --modversion absl_synchronization 2>/dev/null) || return 0
  read -ra cflags < <(pkg-config --cflags absl_btree absl_synchronization)
  read -ra libs < <(pkg-config --libs absl_btree absl_synchronization)
  "$compiler" -std=c++17 "${flags[@]}" "${cflags[@]/#-I/-isystem}" \
    -DPEER_VERSION="\"$version, $(cxx_name "$compiler")\"" \
    "$here/ordered-maps/absl-btree.cpp" "${libs[@]}" -o "$out/libpeer-absl-btree.so" ||
    warn Abseil
}

abseil_table() {
  local compiler version cflags libs
  compiler=$(command -v clang++ || command -v c++) || return 0
  version=$(pkg-config --modversion absl_synchronization 2>/dev/null) || return 0
  read -ra cflags < <(pkg-config --cflags "absl_$1_hash_map" absl_synchronization)
  read -ra libs < <(pkg-config --libs "absl_$1_hash_map" absl_synchronization)
  "$compiler" -std=c++20 "${flags[@]}" "${cflags[@]/#-I/-isystem}" \
    -DPEER_VERSION="\"$version, $(cxx_name "$compiler")\"" \
    "$here/hash-tables/absl-$1.cpp" "${libs[@]}" -o "$out/libpeer-absl-$1.so" ||
    warn "Abseil's $1_hash_map"
}

tbb() {
  local compiler version
  compiler=$(command -v clang++ || command -v c++) || return 0
  version=$(pkg-config --modversion tbb 2>/dev/null) || return 0
  "$compiler" -std=c++20 "${flags[@]}" -DPEER_VERSION="\"$version, $(cxx_name "$compiler")\"" \
    "$here/hash-tables/tbb.cpp" -ltbb -o "$out/libpeer-tbb.so" || warn oneTBB
}

crossbeam() {
  local registry=/usr/share/cargo/registry crate
  command -v cargo >/dev/null && command -v rustc >/dev/null || return 0
  crate=$(compgen -G "$registry/crossbeam-epoch-0.9.*" | tail -n 1) || return 0
  # In a copy, so that cargo writes nothing next to the sources.
  rm -rf "$out/crossbeam-epoch"
  cp -R "$here/crossbeam-epoch" "$out/crossbeam-epoch"
  if PEER_VERSION=${crate##*-} cargo build --quiet --release --offline \
    --config 'source.crates-io.replace-with="debian"' \
    --config "source.debian.directory=\"$registry\"" \
    --manifest-path "$out/crossbeam-epoch/Cargo.toml" --target-dir "$out/cargo"; then
    cp "$out/cargo/release/libpeer.so" "$out/libpeer-crossbeam-epoch.so"
  else
    warn crossbeam-epoch
  fi
}

concurrencykit
crossbeam
std_map
abseil
abseil_table flat
abseil_table node
tbb
