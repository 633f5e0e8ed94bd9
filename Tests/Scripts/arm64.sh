#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The C code on another processor, aarch64: it compiles without a warning, against Debian's headers
# and liburcu for that processor, and a program of several threads that reads, looks at readers and
# forks (Tests/Arm64) runs under an emulator. This machine's own code runs the same program first.
# Installs nothing; without Debian's packages it says so and succeeds.
#
# An emulator on x86-64 keeps that processor's order of loads and stores, which is stronger than
# aarch64's: this finds wrong code, not a barrier that is missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/.build-arm64
sysroot=$build/sysroot
emulator=$build/emulator
mkdir -p "$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

target=aarch64-linux-gnu
suite=bookworm
# As SwiftPM compiles C, which asks for no standard and gets clang's default; and warnings: also of
# macros that a header asks for before another one has defined them.
flags=(-std=gnu17 -fblocks -DSWIFT_PACKAGE=1 -pthread -Wall -Wextra -Wundef -Werror)
libraries=(-lurcu-bp -lurcu-memb -lurcu-mb -lurcu-qsbr -lurcu-cds -lurcu-common)
mutants=(no-wait early-wait no-section)
flavors=(bp memb mb qsbr)

# not_checked REASON: the rest of it.
checked=
not_checked() {
  echo "arm64: NOT CHECKED${checked:+ under an emulator}: $1"
  exit 0
}

shim_includes=()
for folder in "$root"/CShims/*/include; do shim_includes+=(-I "$folder"); done

# check_program NAME COMMAND…: it finds nothing wrong, and finds each mutant with each flavor.
check_program() {
  local name=$1 mutant flavor status
  shift
  echo "arm64: the readers' program, $name"
  "$@"
  for mutant in "${mutants[@]}"; do
    for flavor in "${flavors[@]}"; do
      status=0
      "$@" --flavor "$flavor" --mutant "$mutant" >"$work/output" 2>&1 || status=$?
      if [ "$status" -ne 1 ] || ! grep -q "^readers ($flavor): a reader finds " "$work/output"; then
        cat "$work/output" >&2
        echo "arm64: $name: $mutant is not found with $flavor, status $status" >&2
        exit 1
      fi
    done
  done
  echo "arm64: ${mutants[*]}: each was found in each flavor"
}

command -v clang >/dev/null || not_checked "there is no clang"

# This machine's own.
if command -v pkg-config >/dev/null && pkg-config --exists liburcu-bp; then
  read -ra cflags < <(pkg-config --cflags liburcu-bp; echo)
  read -ra ldflags < <(pkg-config --libs-only-L liburcu-bp; echo)
  clang "${flags[@]}" -O2 "${cflags[@]}" "${shim_includes[@]}" "$root"/Tests/Arm64/readers.c \
    "$root"/CShims/*/*.c "$root"/CShims/*/fork/*.c "${ldflags[@]}" "${libraries[@]}" -o "$build/readers-native"
  check_program "compiled for this machine" "$build/readers-native"
  echo "arm64: the same as on a kernel without membarrier"
  status=0
  "$build/readers-native" --membarrier no || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 69 ] || exit 1
else
  echo "arm64: the readers' program is NOT RUN on this machine: pkg-config finds no liburcu"
fi

clang --print-targets | grep -qw aarch64 || not_checked "this clang has no code for aarch64"
command -v ld.lld >/dev/null || not_checked "there is no ld.lld, which links for aarch64"
# One line, on standard error, says why not.
packages() {
  bash "$root/Tests/Scripts/debian-packages.sh" "$@" 2>"$work/why" && return
  [ $? -eq 3 ] || { cat "$work/why" >&2; exit 1; }
  not_checked "$(cat "$work/why")"
}
packages "$sysroot" "$suite" arm64 \
  libc6 libc6-dev linux-libc-dev libgcc-s1 libgcc-12-dev liburcu8 liburcu-dev

cross=(clang --target="$target" --sysroot="$sysroot" "${flags[@]}")
# In each way in which SwiftPM may compile them here: debug and release, annotated for
# ThreadSanitizer or not.
variants=("-O0 -DDEBUG=1" "-O2" "-O0 -DDEBUG=1 -DSWIFT_URCU_TSAN=1" "-O2 -DSWIFT_URCU_TSAN=1")
sources=0

# compile FOLDER SOURCE…: for aarch64, in each variant; FOLDER has the target's own headers.
compile() {
  local folder=$1 variant words
  shift
  mkdir -p "$work/objects"
  for variant in "${variants[@]}"; do
    read -ra words <<<"$variant"
    (cd "$work/objects" &&
      "${cross[@]}" "${words[@]}" "${shim_includes[@]}" -I "$folder/include" -c "$@")
  done
  sources=$((sources + $#))
}

for folder in "$root"/CShims/* "$root"/CShims/_RCUShims/fork "$root"/Examples/Sources/* "$root"/Benchmarks/Sources/* \
  "$root"/Tools/Sources/* "$root"/Tools/Tests/StraceReplayTests/Programs "$root"/Tests/Arm64; do
  if compgen -G "$folder/*.c" >"$work/list"; then
    mapfile -t list <"$work/list"
    compile "$folder" "${list[@]}"
  fi
done
[ "$sources" -gt 0 ] || { echo "arm64: no C source was found" >&2; exit 1; }

# Each header without what other headers include before it.
headers=0
for header in "$root"/CShims/*/*.h "$root"/CShims/*/include/*.h \
  "$root"/Examples/Sources/*/include/*.h "$root"/Benchmarks/Sources/*/include/*.h \
  "$root"/Tools/Sources/*/include/*.h; do
  for variant in "${variants[@]}"; do
    read -ra words <<<"$variant"
    printf '#include "%s"\n' "$header" | "${cross[@]}" "${words[@]}" "${shim_includes[@]}" \
      -fsyntax-only -x c -
  done
  headers=$((headers + 1))
done
checked=yes
echo "arm64: $sources C sources and $headers headers compile for aarch64 without a warning"

"${cross[@]}" -fuse-ld=lld -O2 "${shim_includes[@]}" "$root"/Tests/Arm64/readers.c \
  "$root"/CShims/*/*.c "$root"/CShims/*/fork/*.c "${libraries[@]}" -o "$build/readers-arm64"
[ "$(uname -m)" != aarch64 ] || { echo "arm64: this machine is one"; exit 0; }
packages "$emulator" "$suite" "$(dpkg --print-architecture)" qemu-user-static
qemu=$emulator/usr/bin/qemu-aarch64-static
# The other processors' emulators are ten times as many.
find "$emulator" -type f ! -path "$qemu" ! -name .debian-packages -delete
"$qemu" --version >"$work/version" 2>&1 ||
  not_checked "the emulator doesn't start: $(head -n 1 "$work/version")"
check_program "under $(sed -n '1s/ (.*//p' "$work/version")" "$qemu" -L "$sysroot" \
  "$build/readers-arm64"
