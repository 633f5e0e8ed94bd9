#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Makes sure that swift, liburcu's headers, pkg-config and binutils are installed, and the programs of EXTRA_PACKAGES,
# each of the package of its name. Says what it will install, and installs that where it may without asking for a
# password. What can't be mended ends in one line that says what is missing and what to do.
set -euo pipefail

read -ra extra <<<"${EXTRA_PACKAGES:-}"
packages=(liburcu-dev pkg-config binutils "${extra[@]}")
install="apt-get install ${packages[*]}"

# What is missing, or nothing.
missing() {
  command -v swift >/dev/null 2>&1 || { echo "swift"; return; }
  command -v pkg-config >/dev/null 2>&1 || { echo "pkg-config"; return; }
  pkg-config --exists liburcu-bp 2>/dev/null || { echo "liburcu's development files"; return; }
  for program in objdump nm; do
    command -v "$program" >/dev/null 2>&1 || { echo "$program of binutils"; return; }
  done
  for program in "${extra[@]}"; do
    command -v "$program" >/dev/null 2>&1 || { echo "$program"; return; }
  done
}

fail() {
  echo "deps: $1" >&2
  exit 1
}

check_version() {
  pkg-config --atleast-version=0.13 liburcu-bp ||
    fail "liburcu is $(pkg-config --modversion liburcu-bp), and must be 0.13 or later: install a \
later one, and let PKG_CONFIG_PATH name the folder of its liburcu-bp.pc"
}

what=$(missing)
if [ -z "$what" ]; then
  check_version
  exit 0
fi
[ "$what" != swift ] || fail "swift is missing: install Swift 6.2 or later from swift.org"
command -v apt-get >/dev/null 2>&1 ||
  fail "$what is missing, and there is no apt-get: install the like of Debian's ${packages[*]}"
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  fail "$what is missing, and this user may not install packages: as root, $install"
fi

echo "deps: $what is missing; installing ${packages[*]}"
"${as_root[@]}" apt-get update -qq || fail "$what is missing, and apt-get update failed"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" ||
  fail "$what is missing, and $install failed"
what=$(missing)
[ -z "$what" ] || fail "$what is still missing after $install"
check_version
