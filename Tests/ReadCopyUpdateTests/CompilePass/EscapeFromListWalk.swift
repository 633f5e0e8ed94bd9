// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Its value can, and elements stay usable while the cursor goes on.
import ReadCopyUpdate

func last(_ list: borrowing RCU.List<Int>) -> Int {
  RCU.withReadSection { section in
    var last: RCU.Ref<Int>? = nil
    var cursor = list.cursor(in: section)
    while let element = cursor.next() { last = element }
    return last?.value ?? 0
  }
}
