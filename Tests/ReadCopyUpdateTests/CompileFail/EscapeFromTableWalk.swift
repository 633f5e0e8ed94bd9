// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// An entry of a walk over a table can't leave it.
// error: lifetime-dependent variable
import ReadCopyUpdate

func keep(_ table: borrowing RCU.HashTable<Int, Int>) -> Int {
  RCU.withReadSection { section in
    var kept: RCU.HashTable<Int, Int>.Entry? = nil
    table.forEach(in: section) { entry in kept = entry }
    return kept?.value ?? 0
  }
}
