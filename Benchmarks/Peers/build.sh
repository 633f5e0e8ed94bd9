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

warn() { echo "peers: $1 is installed, but doesn't build here; left out" >&2; }

concurrencykit() {
  local compiler version
  compiler=$(command -v clang || command -v cc) || return 0
  "$compiler" -include ck_epoch.h -fsyntax-only -x c /dev/null 2>/dev/null || return 0
  version=$(pkg-config --modversion ck 2>/dev/null) || version=unknown
  # Not every compiler knows nullability.
  "$compiler" -O2 -fPIC -shared -Wall -DPEER_VERSION="\"$version\"" \
    -Wno-unknown-pragmas -Wno-nullability-completeness -D_Nonnull= -D_Nullable= \
    -I "$here/../Sources/CBaselines/include" "$here/concurrencykit/peer.c" -lck \
    -o "$out/libpeer-concurrencykit.so" || warn concurrencykit
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
