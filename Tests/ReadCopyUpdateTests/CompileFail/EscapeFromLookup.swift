// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What a lookup found can't leave the section.
// error: lifetime-dependent variable
import ReadCopyUpdate

func find(_ table: borrowing RCU.HashTable<Int, Int>) -> Int {
  var found: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in found = table.lookup(1, in: section) }
  return found?.value ?? 0
}
