// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// In a section of its own.
import ReadCopyUpdate

func find(_ table: borrowing RCUDomain<MembarrierFlavor>.HashTable<Int, Int>) -> Bool {
  RCUDomain<MembarrierFlavor>.withReadSection { section in table.lookup(1, in: section) != nil }
}
