// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A table of one flavor isn't read in a section of another.
// error: cannot convert parent type 'RCUDomain<BulletproofFlavor>' to expected type
import ReadCopyUpdate

func find(_ table: borrowing RCUDomain<MembarrierFlavor>.HashTable<Int, Int>) -> Bool {
  RCU.withReadSection { section in table.lookup(1, in: section) != nil }
}
