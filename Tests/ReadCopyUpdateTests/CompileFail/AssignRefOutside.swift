// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be assigned to a variable outside the section's closure.
// error: lifetime-dependent variable
import ReadCopyUpdate

func leak(_ pointer: borrowing RCU.Pointer<Int>, _ other: RCU.Ref<Int>) -> Int {
  var outer = other
  RCU.withReadSection { section in
    if let ref = pointer.load(in: section) { outer = ref }
  }
  return outer.value
}
