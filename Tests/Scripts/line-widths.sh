#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# No line of Swift or C is wider than 100 columns, but one with a URL, with a string literal of more
# than 60 columns, or within a literal of several lines.
set -euo pipefail

cd "$(dirname "$0")/../.."
find Package.swift CShims Sources Tests Tools Examples Benchmarks -name '.build*' -prune -o \
  -type f \( -name '*.swift' -o -name '*.[ch]' -o -name '*.[ch]pp' \) -print0 |
  LC_ALL=C xargs -0 awk '
    FNR == 1 { in_text = 0 }
    {
      # Bytes become columns: those that continue a character of UTF-8 do not count.
      line = $0
      gsub(/[\200-\277]/, "", line)
      is_literal = in_text || (match(line, /"[^"]*"/) && RLENGTH > 62)
      if (length(line) > 100 && !is_literal && line !~ /https?:\/\//) {
        print FILENAME ":" FNR ": " length(line) " columns"
        has_wide = 1
      }
      if (gsub(/"""/, "", line) % 2 == 1) in_text = !in_text
    }
    END { exit has_wide }'
