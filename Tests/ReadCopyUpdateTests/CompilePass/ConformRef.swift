// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Protocols of what can't escape will do.
import ReadCopyUpdate

protocol Readable: ~Escapable { func read() -> Int }

extension RCU.Ref: Readable where Value == Int { func read() -> Int { value } }
extension SleepableRCU.Ref: Readable where Value == Int { func read() -> Int { value } }

func read(_ readable: borrowing some Readable & ~Escapable) -> Int { readable.read() }

func read(_ pointer: borrowing RCU.Pointer<Int>) -> Int {
  RCU.withReadSection { section in read(pointer.load(in: section)!) }
}

func share(_ body: @Sendable () -> Void) {}

func share(_ ref: RCU.Ref<Int>) {
  let value = ref.value
  share { print(value) }
}
