// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Load and exchange in one section.
import ReadCopyUpdate

func increment(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    let expected = pointer.load(in: section)
    _ = pointer.compareExchange(expected: expected, desired: 2)
  }
}
