// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It can capture the value; a closure that doesn't escape, the Ref.
import ReadCopyUpdate

func value(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    let value = ref.value
    return { value }
  }
}
