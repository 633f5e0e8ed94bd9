// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be stored in a global variable.
// error: lifetime-dependent value escapes its scope
import ReadCopyUpdate

nonisolated(unsafe) var global: RCU.Ref<Int>? = nil

func leak(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in global = pointer.load(in: section) }
}
