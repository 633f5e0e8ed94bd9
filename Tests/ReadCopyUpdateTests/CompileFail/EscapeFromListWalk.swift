// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// An element of a list walk can't leave the section.
// error: lifetime-dependent variable
import ReadCopyUpdate

func last(_ list: borrowing RCU.List<Int>) -> Int {
  var last: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in
    var cursor = list.cursor(in: section)
    while let element = cursor.next() { last = element }
  }
  return last?.value ?? 0
}
