// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A closure that has a Ref outlives the section by `withoutActuallyEscaping`. Known to compile:
// Swift itself traps where that function ends.
import ReadCopyUpdate

func keep(_ read: () -> Int) -> () -> Int { withoutActuallyEscaping(read) { $0 } }

func leak(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    return keep { ref.value }
  }
}
