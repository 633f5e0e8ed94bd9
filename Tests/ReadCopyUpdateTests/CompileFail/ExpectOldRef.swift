// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What is expected was loaded in a section that is still open.
// error: lifetime-dependent variable
import ReadCopyUpdate

func increment(_ pointer: borrowing RCU.Pointer<Int>) {
  var expected: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in expected = pointer.load(in: section) }
  _ = pointer.compareExchange(expected: expected, desired: 2)
}
