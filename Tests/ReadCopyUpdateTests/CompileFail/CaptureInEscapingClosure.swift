// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// An escaping closure can't capture a Ref.
// error: lifetime-dependent variable
import ReadCopyUpdate

func leak(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    return { ref.value }
  }
}
