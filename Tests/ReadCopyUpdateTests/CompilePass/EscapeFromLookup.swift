// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Its value can.
import ReadCopyUpdate

func find(_ table: borrowing RCU.HashTable<Int, Int>) -> Int {
  RCU.withReadSection { section in table.lookup(1, in: section)?.value ?? 0 }
}
