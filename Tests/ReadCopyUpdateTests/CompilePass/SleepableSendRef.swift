// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A domain, a pointer and the value are.
import ReadCopyUpdate

func take<T: Sendable & ~Copyable>(_ value: borrowing T) {}

func send(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) {
  take(domain)
  take(pointer)
  domain.withReadSection { section in take(pointer.load(in: section)!.value) }
}
