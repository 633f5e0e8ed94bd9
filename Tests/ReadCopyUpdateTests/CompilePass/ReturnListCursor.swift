// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It stays in the section; functions can take it.
import ReadCopyUpdate

func advance(_ cursor: inout RCU.List<Int>.Cursor) -> Int { cursor.next()?.value ?? 0 }

func start(_ list: borrowing RCU.List<Int>) -> Int {
  RCU.withReadSection { section in
    var cursor = list.cursor(in: section)
    return advance(&cursor)
  }
}
