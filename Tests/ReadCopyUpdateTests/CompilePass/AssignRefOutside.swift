// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Inside the section it can be assigned, and walk on.
import ReadCopyUpdate

func last(_ first: borrowing RCU.Pointer<Int>, _ second: borrowing RCU.Pointer<Int>) -> Int {
  RCU.withReadSection { section in
    guard var ref = first.load(in: section) else { return 0 }
    if let next = second.load(in: section) { ref = next }
    return ref.value
  }
}
