// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Values can, in whatever they are put.
import ReadCopyUpdate

enum Kept { case value(Int) }

func run<R>(_ body: (RCU.ReadSection) -> R) -> R { RCU.withReadSection(body) }

func values(_ pointer: borrowing RCU.Pointer<Int>) -> [Any] {
  let tuple: (Int, Int) = RCU.withReadSection { (pointer.load(in: $0)!.value, 1) }
  let optional: Int? = RCU.withReadSection { pointer.load(in: $0)?.value }
  let result: Result<Int, Never> = RCU.withReadSection { .success(pointer.load(in: $0)!.value) }
  let payload: Kept = RCU.withReadSection { .value(pointer.load(in: $0)!.value) }
  let generic: Int = run { pointer.load(in: $0)!.value }
  let existential: Any = RCU.withReadSection { pointer.load(in: $0)!.value }
  return [tuple, optional as Any, result, payload, generic, existential]
}

func opaque(_ pointer: borrowing RCU.Pointer<Int>) -> some Equatable {
  RCU.withReadSection { section -> Int in pointer.load(in: section)!.value }
}

func value(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int? {
  await domain.withReadSection { section in
    await Task.yield()
    return pointer.load(in: section)?.value
  }
}
