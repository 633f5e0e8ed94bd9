// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It can be passed down.
import ReadCopyUpdate

func value(_ pointer: borrowing RCU.Pointer<Int>, in section: RCU.ReadSection) -> Int? {
  pointer.load(in: section)?.value
}

func value(_ pointer: borrowing RCU.Pointer<Int>) -> Int? {
  RCU.withReadSection { section in value(pointer, in: section) }
}
