// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Keys and values can.
import ReadCopyUpdate

func keep(_ table: borrowing RCU.HashTable<Int, Int>) -> [Int: Int] {
  var kept: [Int: Int] = [:]
  RCU.withReadSection { section in
    table.forEach(in: section) { entry in kept[entry.key] = entry.value }
  }
  return kept
}
