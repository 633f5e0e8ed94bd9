// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A task can't capture a Ref.
// error: lifetime-dependent variable
// error: passing closure as a 'sending' parameter risks causing data races
import ReadCopyUpdate

func leak(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    Task { print(ref.value) }
  }
}
