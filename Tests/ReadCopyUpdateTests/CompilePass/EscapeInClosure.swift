// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// They have values. A closure that doesn't escape may have a Ref.
import ReadCopyUpdate

func keep(_ read: @autoclosure @escaping () -> Int) -> () -> Int { read }

func run(_ read: () -> Int) -> Int { read() }

func closures(_ pointer: borrowing RCU.Pointer<Int>) -> [() -> Int] {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    let value = ref.value
    func read() -> Int { ref.value }
    let iterator = AnyIterator { value }
    let sequence = [1].lazy.map { $0 + value }
    let sum = [1].reduce(0) { $0 + $1 + ref.value }
    let applied = run { ref.value } + run(read) + sum
    return [
      keep(value), { [value] in value }, { applied },
      { iterator.next() ?? 0 }, { sequence.reduce(0, +) },
    ]
  }
}

func keep(
  _ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>
) async -> () -> Int {
  await domain.withReadSection { section in
    let ref = pointer.load(in: section)!
    await Task.yield()
    let value = run { ref.value }
    return { value }
  }
}
