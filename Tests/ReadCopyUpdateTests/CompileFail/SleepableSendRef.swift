// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Neither a Ref nor a section is Sendable.
// error: conformance of 'SleepableRCU.Ref<Value>' to 'Sendable' is unavailable
// error: conformance of 'SleepableRCU.ReadSection' to 'Sendable' is unavailable
import ReadCopyUpdate

func take<T: Sendable & ~Escapable>(_ value: borrowing T) {}

func send(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) {
  domain.withReadSection { section in
    take(section)
    take(pointer.load(in: section)!)
  }
}
