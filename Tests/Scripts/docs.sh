#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The documentation of all modules as one archive, below .build-docs, for any server of static files.
# Compiles and runs the code of README.md and of the articles, and fails if one doesn't compile or fails,
# if a public declaration isn't documented, or if docc gives a warning.
set -euo pipefail
shopt -s nullglob

cd "$(dirname "$0")/../.."
root=$PWD
build=$root/.build-docs
# Each after those that it may link to.
modules=(ReadCopyUpdate SequenceLocks VirtualMemory ProcessMaps)

resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
docc=$resources/../../bin/docc
if [ ! -x "$docc" ]; then
  echo "docs: this Swift has no docc: install one from swift.org" >&2
  exit 1
fi

rm -rf "$build/symbol-graphs" "$build/archives" "$build/swift-urcu.doccarchive"
mkdir -p "$build/graphs" "$build/archives" "$build/diagnostics"

swift build --package-path Tools --product check-documentation
check=$(swift build --package-path Tools --product check-documentation --show-bin-path)/check-documentation
names=$("$check" code --package "$build/articles" README.md Sources/*/*.docc/*.md)
mapfile -t programs <<<"$names"

# The compiler writes a module's symbol graph when it compiles the module.
flags=(--disable-index-store --package-path "$build/articles" --scratch-path "$build/build")
for flag in -emit-symbol-graph -emit-symbol-graph-dir "$build/graphs" -emit-extension-block-symbols; do
  flags+=(-Xswiftc "$flag")
done
swift build "${flags[@]}"
folder=$(swift build "${flags[@]}" --show-bin-path)
for program in "${programs[@]}"; do
  status=0
  SWIFT_BACKTRACE=enable=no timeout 60 "$folder/$program" >"$build/output" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    echo "docs: $program ended with $status:" >&2
    cat "$build/output" >&2
    exit 1
  fi
done

archives=()
dependencies=()
for module in "${modules[@]}"; do
  mkdir -p "$build/symbol-graphs/$module"
  cp "$build/graphs/$module".symbols.json "$build/graphs/$module"@*.symbols.json \
    "$build/symbol-graphs/$module"
  archive=$build/archives/$module.doccarchive
  "$docc" convert "Sources/$module/$module.docc" --output-path "$archive" \
    --additional-symbol-graph-dir "$build/symbol-graphs/$module" --fallback-default-module-kind Module \
    --enable-experimental-external-link-support "${dependencies[@]}" \
    --diagnostics-file "$build/diagnostics/$module.json"
  archives+=("$archive")
  dependencies+=(--dependency "$archive")
done
"$docc" merge "${archives[@]}" --output-path "$build/swift-urcu.doccarchive" \
  --synthesized-landing-page-name swift-urcu --synthesized-landing-page-topics-style list
if grep -rlF "$root/Sources" "$build/swift-urcu.doccarchive" >&2; then
  echo "docs: these files name a folder of this machine" >&2
  exit 1
fi

status=0
"$check" symbols --graphs "$build/symbol-graphs" --diagnostics "$build/diagnostics" "${modules[@]}" ||
  status=$?
cat <<END
The code of ${#programs[@]} articles, README.md among them, compiles and runs.
The documentation is .build-docs/swift-urcu.doccarchive. To read it:
  python3 -m http.server -d .build-docs/swift-urcu.doccarchive   # http://localhost:8000/documentation/
END
exit "$status"
