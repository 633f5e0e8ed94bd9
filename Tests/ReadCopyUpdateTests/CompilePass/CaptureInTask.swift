// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It can capture the value.
import ReadCopyUpdate

func show(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    let value = pointer.load(in: section)!.value
    Task { print(value) }
  }
}
