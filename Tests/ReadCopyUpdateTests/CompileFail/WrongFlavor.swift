// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section of one flavor protects no pointer of another.
// error: cannot convert parent type 'RCUDomain<BulletproofFlavor>'
import ReadCopyUpdate

func read(_ pointer: borrowing RCUDomain<MembarrierFlavor>.Pointer<Int>) -> Int? {
  RCU.withReadSection { section in pointer.load(in: section)?.value }
}
