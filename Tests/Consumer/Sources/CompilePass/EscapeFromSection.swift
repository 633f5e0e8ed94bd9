// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The value can.
import ReadCopyUpdate

func copyFromSection(_ pointer: borrowing RCU.Pointer<Int>) -> Int? {
  RCU.withReadSection { section in pointer.load(in: section)?.value }
}
