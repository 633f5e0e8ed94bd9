#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Makes sure that liburcu's headers, pkg-config and objdump are installed; installs them where it
# may.
set -euo pipefail

packages=(liburcu-dev pkg-config binutils)

present() {
  command -v pkg-config >/dev/null 2>&1 && pkg-config --exists liburcu-bp liburcu-memb &&
    command -v objdump >/dev/null 2>&1 && command -v nm >/dev/null 2>&1
}

fail() {
  echo "deps: $1" >&2
  echo "deps: install liburcu's development files, pkg-config and binutils, for example:" >&2
  echo "deps:   apt-get install ${packages[*]}" >&2
  exit 1
}

present && exit 0

command -v apt-get >/dev/null 2>&1 ||
  fail "liburcu, pkg-config or binutils is missing, and there is no apt-get"
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  fail "liburcu, pkg-config or binutils is missing, and this user may not install packages"
fi

echo "deps: installing ${packages[*]}"
"${as_root[@]}" apt-get update -qq || fail "apt-get update failed"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" ||
  fail "apt-get install failed"
present || fail "liburcu, pkg-config or binutils is still missing after the installation"
