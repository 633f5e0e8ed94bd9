// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref is not Sendable.
// error: conformance of 'RCUDomain<Flavor>.Ref<Value>' to 'Sendable' is unavailable
import ReadCopyUpdate

func take<T: Sendable & ~Escapable>(_ value: borrowing T) {}

func send(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in take(pointer.load(in: section)!) }
}
