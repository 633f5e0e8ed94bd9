// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Its value can.
import ReadCopyUpdate

func value(_ pointer: borrowing RCU.Pointer<Int>) -> Int {
  let value = RCU.withReadSection { section in pointer.load(in: section)!.value }
  return value
}
