#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Tests/Consumer depends on this checkout as any other package would, with default settings and no
# flags. It builds without warnings and runs, and so does the program of the article Getting
# started; each file of its CompileFail is rejected with exactly the errors that it names.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
package=$root/Tests/Consumer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build=(swift build --disable-index-store --package-path "$package" --scratch-path "$root/.build-consumer")

fail() {
  echo "consumer: $1" >&2
  exit 1
}

# code FILE: the lines of a Swift program that aren't empty and no comment.
code() { grep -vE '^(//.*)?$' "$1"; }

# The program is the article's code, as it stands there.
article=$root/Sources/ReadCopyUpdate/ReadCopyUpdate.docc/GettingStarted.md
program=$package/Sources/getting-started/GettingStarted.swift
sed -n '/^```swift$/,/^```$/{/^```/d;p}' "$article" >"$work/article.swift"
diff <(code "$work/article.swift") <(code "$program") ||
  fail "$program isn't the code of $article: copy it there"

for configuration in debug release; do
  bash "$root/Tests/Scripts/without-warnings.sh" "$package" "${build[@]}" -c "$configuration"
  programs=$("${build[@]}" -c "$configuration" --show-bin-path)
  "$programs/consumer"
  output=$("$programs/getting-started")
  [ "$output" = "99 0" ] || fail "the article's program printed “$output”, not “99 0”"
done

# A package that turns no trait on has what it had before there were traits.
resolved=$(grep -o '"identity" : "[^"]*"' "$package/Package.resolved" | sort | tr '\n' ' ')
[ "$resolved" = '"identity" : "swift-system" ' ] || fail "without a trait it resolves $resolved"

# names FOLDER: its Swift files.
names() { find "$1" -name '*.swift' -printf '%f\n' | sort; }

# Where the wrong use is rejected and the right one beside it isn't, the rejection proves something.
[ -n "$(names "$package/CompileFail")" ] || fail "there is no file in CompileFail"
diff <(names "$package/CompileFail") <(names "$package/Sources/CompilePass") ||
  fail "each file of CompileFail has one of its name in Sources/CompilePass"

for file in "$package"/CompileFail/*.swift; do
  name=$(basename "$file" .swift)
  echo "consumer: $name is rejected"
  if SWIFT_URCU_COMPILE_FAIL=$name "${build[@]}" --target "$name" >"$work/output" 2>&1; then
    fail "$name compiles"
  fi
  sed -n 's|^// error: ||p' "$file" | sort >"$work/expected"
  [ -s "$work/expected" ] || fail "$name names no error"
  # More than one job of the compiler may say the same.
  grep -E '^(/.*: )?error: ' "$work/output" | sort -u >"$work/found" || true
  while read -r count text; do
    found=$(grep -cF -- "$text" "$work/found" || true)
    if [ "$found" -lt "$count" ]; then
      cat "$work/output" >&2
      fail "$name: $found of $count times: $text"
    fi
  done < <(uniq -c "$work/expected")
  if grep -vF -f "$work/expected" "$work/found" >"$work/unexpected"; then
    cat "$work/output" >&2
    fail "$name: unexpected: $(cat "$work/unexpected")"
  fi
done
