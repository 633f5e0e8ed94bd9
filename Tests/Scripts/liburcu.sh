#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The runtime's tests against another liburcu than the system's: against the installation below
# $PREFIX, or without it against Debian 13's packages, which are unpacked into a build folder. And
# headers that the shims must refuse: none, of a version that is too old, with another layout.
#
# Debian 13's liburcu needs that system's C library: it comes with it, and the test programs run with
# its dynamic linker. That of the system stays as it is.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/.build-liburcu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$build"

fail() {
  echo "liburcu: $1" >&2
  exit 1
}

# MARK: What must not compile

# compile INCLUDE-FOLDER: the shims' headers with the liburcu that is there.
compile() {
  clang -std=gnu17 -fsyntax-only -isystem "$1" -I "$root/CShims/_RCUShims/include" \
    -I "$root/CShims/_SystemShims/include" "$root/CShims/_RCUShims/scan.c" >"$work/log" 2>&1
}

# refused INCLUDE-FOLDER MESSAGE
refused() {
  if compile "$1"; then fail "headers were accepted that must not be: $2"; fi
  grep -qF "$2" "$work/log" || { cat "$work/log" >&2; fail "the error doesn't say “$2”"; }
  echo "liburcu: refused: $(grep -F "$2" "$work/log" | sed -n '1s/.*error: //p')"
}

includes=$(pkg-config --variable=includedir liburcu-bp 2>/dev/null || true)
for folder in "${includes:-/usr/include}" /usr/include/*-linux-gnu /usr/include; do
  if [ -r "$folder/urcu/config.h" ]; then break; fi
done
mkdir "$work/headers"
cp -rL "$folder/urcu" "$work/headers/urcu"
for name in "$folder"/urcu*.h; do [ ! -e "$name" ] || cp -L "$name" "$work/headers/"; done
# As on a system without it, whose own folders have none either.
if clang -std=gnu17 -fsyntax-only -nostdinc -I "$root/CShims/_RCUShims/include" \
  "$root/CShims/_RCUShims/include/rcushims_liburcu.h" >"$work/log" 2>&1; then
  fail "a system without liburcu was accepted"
fi
grep -q "liburcu's headers are missing: install liburcu-dev" "$work/log" ||
  { cat "$work/log" >&2; fail "the error doesn't say what is missing"; }
echo "liburcu: refused: a system without it"
compile "$work/headers" || { cat "$work/log" >&2; fail "the system's own headers don't compile"; }
# seeded FILE PATTERN REPLACEMENT MESSAGE: a header that differs.
seeded() {
  local file=$work/headers/urcu/$1
  cp "$file" "$work/original"
  sed -i "s/$2/$3/" "$file"
  cmp -s "$file" "$work/original" && fail "“$2” is not in liburcu's $1: change this script with it"
  refused "$work/headers" "$4"
  cp "$work/original" "$file"
}
seeded arch.h '_URCU_ARCH_H' '_URCU_ARCH_OLD_H' 'this liburcu is older than 0.13'
seeded static/urcu-common.h '(sizeof(unsigned long) << 2)' '40' \
  'the phase must be bit 32 of a reader'
seeded static/urcu-common.h 'URCU_GP_COUNT\([[:space:]]*\)(1UL << 0)' 'URCU_GP_COUNT\1(1UL << 1)' \
  'a section must add 1 to its reader'
seeded static/urcu-bp.h 'struct cds_list_head node ' 'struct { struct cds_list_head inner; } node ' \
  'struct urcu_bp_reader must have its link of the registry in node'

# MARK: The tests

if [ -n "${PREFIX:-}" ]; then
  name="the liburcu of $PREFIX"
  folders=("$PREFIX"/lib/pkgconfig "$PREFIX"/lib/*/pkgconfig "$PREFIX"/lib64/pkgconfig)
  linking=()
else
  name="Debian 13's liburcu"
  case $(uname -m) in
    x86_64) architecture=amd64 loader=lib64/ld-linux-x86-64.so.2 ;;
    aarch64) architecture=arm64 loader=lib/ld-linux-aarch64.so.1 ;;
    *) echo "liburcu: NOT TESTED against $name: unknown machine $(uname -m)"; exit 0 ;;
  esac
  status=0
  bash "$root/Tests/Scripts/debian-packages.sh" "$build/trixie" trixie "$architecture" \
    liburcu-dev liburcu8t64 libc6 libstdc++6 libgcc-s1 2>"$work/why" || status=$?
  if [ "$status" -eq 3 ]; then
    echo "liburcu: NOT TESTED against $name: $(cat "$work/why")"
    exit 0
  elif [ "$status" -ne 0 ]; then
    cat "$work/why" >&2
    exit 1
  fi
  PREFIX=$build/trixie/usr
  libraries=$(echo "$PREFIX"/lib/*-linux-gnu)
  [ -e "$build/trixie/lib64" ] || ln -s usr/lib64 "$build/trixie/lib64"
  # Its packages say where they expect to be.
  sed -i "s,^prefix=.*,prefix=$PREFIX," "$libraries"/pkgconfig/liburcu*.pc
  folders=("$libraries/pkgconfig")
  linking=(-Xlinker --allow-shlib-undefined -Xlinker --disable-new-dtags
    -Xlinker "-dynamic-linker=$build/trixie/$loader" -Xlinker "-rpath=$libraries")
fi

path=
for folder in "${folders[@]}"; do
  if [ -e "$folder/liburcu-bp.pc" ]; then path=$folder; fi
done
[ -n "$path" ] || fail "PREFIX: “$PREFIX”: there must be a liburcu-bp.pc in its lib/pkgconfig"
export PKG_CONFIG_PATH=$path
version=$(pkg-config --modversion liburcu-bp)
pkg-config --atleast-version=0.13 liburcu-bp ||
  fail "$name is $version: it must be 0.13 or later"
library=$(pkg-config --variable=libdir liburcu-bp)
echo "liburcu: $name, $version, in $library"

# What another liburcu does otherwise shows soon; the long runs are with the system's.
export SWIFT_URCU_STRESS_SECONDS=${SWIFT_URCU_STRESS_SECONDS:-0.3}
run=(swift test --scratch-path "$build/build" -Xlinker "-rpath=$library" "${linking[@]}")
SWIFT_URCU_PART=runtime bash "$root/Tests/Scripts/run-tests.sh" "${run[@]}" --skip CompileTests
# The one that was asked for, not the system's.
program=$(SWIFT_URCU_PART=runtime swift build --scratch-path "$build/build" --show-bin-path)
used=$(ldd "$program"/*.xctest 2>/dev/null | sed -n 's/.*liburcu-bp[^ ]* => \([^ ]*\) .*/\1/p' || true)
case $used in
  "$(realpath "$library")"/* | "$library"/*) echo "liburcu: tested: $used, $version" ;;
  *) fail "the tests were linked with “$used”, not with what is in $library" ;;
esac
