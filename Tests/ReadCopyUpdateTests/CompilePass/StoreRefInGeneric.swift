// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// They take its value.
import ReadCopyUpdate
import Synchronization

func same<T>(_ value: T) -> T { value }
func pack<each T>(_ values: repeat each T) {}

@propertyWrapper struct Wrapper<T> { var wrappedValue: T }

let mutex = Mutex<Int?>(nil)
let atomic = Atomic<Int>(0)
let stream = AsyncStream<Int>.makeStream()
enum Local { @TaskLocal static var value: Int? = nil }

struct Table { subscript(_ value: Int) -> Int { value } }

func keep(_ pointer: borrowing RCU.Pointer<Int>) -> AnyKeyPath & Sendable {
  RCU.withReadSection { section in
    let value = pointer.load(in: section)!.value
    pack(same(value), value as Any)
    print(value)
    stream.continuation.yield(value)
    @Wrapper var wrapped = [1: [value]]
    mutex.withLock { $0 = value }
    atomic.store(value, ordering: .relaxed)
    Local.$value.withValue(value) { print(wrapped) }
    return \Table[value]
  }
}
