// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A published pointee doesn't change.
// error: cannot assign to property: 'value' is a get-only property
import ReadCopyUpdate

func change(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in pointer.load(in: section)!.value = 2 }
}
