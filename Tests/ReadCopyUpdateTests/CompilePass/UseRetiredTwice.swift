// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Once.
import ReadCopyUpdate

func replace(_ pointer: borrowing RCU.Pointer<Int>) {
  guard let old = pointer.exchange(2) else { return }
  old.reclaim()
}
