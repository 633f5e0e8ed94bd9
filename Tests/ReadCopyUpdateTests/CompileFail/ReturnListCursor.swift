// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Nor can the cursor itself.
// error: 'withReadSection' requires that 'RCUDomain<BulletproofFlavor>.List<Int>.Cursor' conform
import ReadCopyUpdate

func start(_ list: borrowing RCU.List<Int>) -> Int {
  var cursor: RCU.List<Int>.Cursor = RCU.withReadSection { section in list.cursor(in: section) }
  return cursor.next()?.value ?? 0
}
