// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A pointer is Sendable, and so is the value.
import ReadCopyUpdate

func take<T: Sendable & ~Copyable>(_ value: borrowing T) {}

func send(_ pointer: borrowing RCU.Pointer<Int>) {
  take(pointer)
  RCU.withReadSection { section in take(pointer.load(in: section)!.value) }
}
