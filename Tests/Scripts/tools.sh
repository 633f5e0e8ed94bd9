#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The programs of Tools do what they say, and refuse what they should.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
programs=$(swift build --package-path "$root/Tools" --show-bin-path "$@")
samples=$root/Tools/Samples
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

expect_exit() {
  local expected=$1 status=0
  shift
  "$@" >"$folder/output" 2>&1 || status=$?
  if [ "$status" -ne "$expected" ]; then
    echo "tools: $* exited with $status, not $expected:" >&2
    cat "$folder/output" >&2
    exit 1
  fi
}

echo "maps-replay: a tour, from a file and from the standard input"
expect_exit 0 "$programs/maps-replay" "$samples/tour.script"
diff "$samples/tour.expected" "$folder/output"
"$programs/maps-replay" <"$samples/tour.script" | diff "$samples/tour.expected" -
expect_exit 0 "$programs/maps-replay" --help
grep -q "mremap OLD OLDLEN NEWLEN FLAGS" "$folder/output"

echo "maps-replay: malformed scripts, of which nothing is run"
printf 'window 0x100000 0x1000\ndump\n\nmmap 0x100000 0x1000 rq private|anon - 0\n' \
  >"$folder/malformed.script"
expect_exit 2 "$programs/maps-replay" "$folder/malformed.script"
grep -q "malformed.script: line 4: “rq”: " "$folder/output"
[ "$(wc -l <"$folder/output")" -eq 1 ]
expect_exit 2 "$programs/maps-replay" /dev/null
expect_exit 66 "$programs/maps-replay" "$folder/none.trace"
expect_exit 64 "$programs/maps-replay" one two
if [ -c /dev/full ]; then
  status=0
  "$programs/maps-replay" "$samples/tour.script" >/dev/full 2>"$folder/output" || status=$?
  [ "$status" -eq 74 ]
fi

echo "maps-strace: a recording, with and without one of its calls"
recording=$samples/forks
expect_exit 0 "$programs/maps-strace" --at-end --every 5 "$recording"
grep -q "^26 calls replayed: 26 with the kernel's result" "$folder/output"
[ "$(grep -c "^map of .* equal to the kernel's$" "$folder/output")" -eq 4 ]
grep -q "^after 15 changes:$" "$folder/output"
expect_exit 0 "$programs/maps-strace" --quiet "$recording/trace" \
  --initial "$recording"/28510-3-start.maps --final "$recording"/28510-49-end.maps
grep -q "^page faults are not known" "$folder/output"
[ "$(wc -l <"$folder/output")" -eq 3 ]
cp -r "$recording" "$folder/recording"
grep -v MADV_DOFORK "$recording/trace" >"$folder/recording/trace"
expect_exit 1 "$programs/maps-strace" --quiet "$folder/recording"
[ "$(grep -c "^map of .* not the kernel's:$" "$folder/output")" -eq 1 ]
sed 's/= 0x7f6330657000$/= 0x7f6330000000/' "$recording/trace" >"$folder/recording/trace"
expect_exit 1 "$programs/maps-strace" "$folder/recording"
grep -q "!! 0x7f6330657000 here$" "$folder/output"

echo "maps-strace: a recording of a machine with protection keys"
recording=$samples/execute-only
expect_exit 0 "$programs/maps-strace" --quiet "$recording"
grep -q "^22 calls replayed: 22 with the kernel's result" "$folder/output"
rm -rf "$folder/recording"
cp -r "$recording" "$folder/recording"
rm "$folder/recording/machine"
expect_exit 1 "$programs/maps-strace" "$folder/recording"
grep -q "= -1 ENOMEM (Cannot allocate memory)  !! 0 here$" "$folder/output"
echo "two processors" >"$folder/recording/machine"
expect_exit 2 "$programs/maps-strace" "$folder/recording"
grep -q "line 1: “two processors”: what is said of the machine must be execute-only-keys" \
  "$folder/output"
expect_exit 0 "$programs/maps-strace" --quiet "$recording/trace" --untouched \
  --execute-only-keys --initial "$recording"/*-start.maps
expect_exit 64 "$programs/maps-strace" --execute-only-keys -- /bin/true
recording=$samples/forks

echo "maps-replay: a machine with protection keys"
printf 'window 0x100000 0x1000\nmachine execute-only-keys\n%s\n%s\n' \
  'mmap 0x100000 0x1000 x private|anon|fixed - 0' 'mlock 0x100000 0x1000' >"$folder/keys.script"
expect_exit 0 "$programs/maps-replay" "$folder/keys.script"
grep -q "^ERR ENOMEM$" "$folder/output"

echo "maps-strace: a program of this machine"
if strace -f -o /dev/null -e inject=exit_group:delay_enter=1 /bin/true 2>/dev/null; then
  status=0
  "$programs/maps-strace" --save "$folder/true" -- /bin/true >"$folder/output" 2>&1 || status=$?
  if [ "$status" -eq 1 ] && grep -q "^page faults are not known" "$folder/output"; then
    echo "  page faults can't be recorded here: where the program's map is split isn't known"
  else
    [ "$status" -eq 0 ] ||
      { echo "tools: maps-strace exited with $status:" >&2; cat "$folder/output" >&2; exit 1; }
    grep -q "^map of [0-9]* /bin/true: .* equal to the kernel's$" "$folder/output"
  fi
  expect_exit "$status" "$programs/maps-strace" --quiet "$folder/true"
  expect_exit 73 "$programs/maps-strace" --quiet --save /dev/null/none -- /bin/true
else
  echo "  not recorded: strace can't be used here"
  expect_exit 69 "$programs/maps-strace" -- /bin/true
fi

echo "maps-strace: malformed traces and bad arguments"
echo "1 munmap(0x1000) = 0" >"$folder/short.trace"
expect_exit 2 "$programs/maps-strace" "$folder/short.trace"
grep -q "short.trace: line 1: “0x1000”: this call must have at least 2 arguments" "$folder/output"
expect_exit 2 "$programs/maps-strace" "$recording/trace" --initial "$recording/trace"
expect_exit 66 "$programs/maps-strace" "$folder/none.trace"
expect_exit 66 "$programs/maps-strace" "$recording/trace" --initial "$folder/none.maps"
expect_exit 64 "$programs/maps-strace"
expect_exit 64 "$programs/maps-strace" "$recording" -- /bin/true
expect_exit 64 "$programs/maps-strace" "$recording" --every 0
expect_exit 64 "$programs/maps-strace" --initial "$folder/none.maps" -- /bin/true

echo "check-documentation: what is documented and what isn't, and bad arguments"
fixtures=$root/Tools/Tests/DocumentationChecksTests/Fixtures
check=$programs/check-documentation
mkdir -p "$folder/graphs/Sample"
cp "$fixtures"/Sample*.symbols.json "$folder/graphs/Sample"
echo '{"diagnostics": []}' >"$folder/Sample.json"
symbols=(symbols --graphs "$folder/graphs" --diagnostics "$folder")
expect_exit 1 "$check" "${symbols[@]}" Sample
grep -q "^/src/Sample.swift:10: Instance Property Sample.undocumented has no documentation comment$" \
  "$folder/output"
expect_exit 66 "$check" "${symbols[@]}" Other
rm "$folder/Sample.json"
expect_exit 66 "$check" "${symbols[@]}" Sample
echo "{" >"$folder/Sample.json"
expect_exit 2 "$check" "${symbols[@]}" Sample
expect_exit 64 "$check" "${symbols[@]}"

echo "check-documentation: the code of articles"
printf '# Words\n\n```swift\nprint(1)\n```\n' >"$folder/Article.md"
expect_exit 0 "$check" code --package "$folder/package" "$folder/Article.md" "$root/CHANGELOG.md"
[ "$(cat "$folder/output")" = article-Article ]
[ -f "$folder/package/Sources/article-Article/main.swift" ]
printf '```swift\n' >"$folder/Article.md"
expect_exit 2 "$check" code --package "$folder/package" "$folder/Article.md"
expect_exit 66 "$check" code --package "$folder/package" "$folder/none.md"
expect_exit 73 "$check" code --package /dev/null/none "$root/README.md"
expect_exit 64 "$check" code "$root/README.md"

echo "check-machine-code: programs without the controls, and bad arguments"
check=$programs/check-machine-code
expect_exit 66 "$check" "$folder/none"
expect_exit 69 "$check" "$root/README.md"
expect_exit 64 "$check"
if [ "$(uname -m)" = x86_64 ]; then
  expect_exit 1 "$check" "$check"
  grep -q "^disassembly: no control named probeControl($" "$folder/output"
fi
