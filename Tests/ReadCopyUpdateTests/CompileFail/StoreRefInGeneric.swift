// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What is generic over values that outlive their scope takes no Ref: collections, locks, atomics,
// streams, continuations, task-locals, property wrappers, key paths, pointees, unsafe memory,
// `Any`.
// error: 'same' requires that
// error: 'pack' requires that
// error: 'swap' requires that
// error: 'map' on 'Optional' requires that
// error: 'unsafeBitCast(_:to:)' requires that
// error: to type 'Any' in coercion
// error: argument type 'RCUDomain<BulletproofFlavor>.Ref<Int>' does not conform
// error: argument type 'RCUDomain<BulletproofFlavor>.Ref<Int>' does not conform
// error: 'Array' requires that
// error: 'Dictionary' requires that
// error: 'Wrapper' requires that
// error: instance method 'withLock' requires that
// error: type 'RCUDomain<BulletproofFlavor>.Ref<Int8>' does not conform to protocol 'Escapable'
// error: 'Mutex' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int8>'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<Int16>' does not conform to protocol 'Atomic
// error: 'Atomic' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int16>'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<Int32>' does not conform to protocol 'Escapable'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<Int64>' does not conform to protocol 'Escapable'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<UInt8>' does not conform to protocol 'Escapable'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<UInt16>' does not conform to protocol 'Escapable'
// error: type 'RCUDomain<BulletproofFlavor>.Ref<UInt32>' does not conform to protocol 'Escapable'
// error: 'TaskLocal' requires that 'RCUDomain<BulletproofFlavor>.Ref<UInt32>'
// error: 'Mutex' requires that 'SleepableRCU.Ref<Int8>'
// error: type 'SleepableRCU.Ref<Int8>' does not conform to protocol 'Escapable'
// error: type 'SleepableRCU.Ref<Int32>' does not conform to protocol 'Escapable'
// error: a method cannot return a ~Escapable result
// error: type 'RCUDomain<BulletproofFlavor>.Ref<Int>' does not conform to protocol 'Escapable'
// error: key path cannot refer to nonescapable type
// error: in a key path must be Hashable
import ReadCopyUpdate
import Synchronization

func same<T>(_ value: T) -> T { value }
func pack<each T>(_ values: repeat each T) {}

@propertyWrapper struct Wrapper<T> { var wrappedValue: T }

let mutex = Mutex<RCU.Ref<Int8>?>(nil)
let atomic = Atomic<RCU.Ref<Int16>?>(nil)
let stream = AsyncStream<RCU.Ref<Int32>>.makeStream()
let pointee = RCU.Pointer<RCU.Ref<Int64>>()
let memory = UnsafeMutablePointer<RCU.Ref<UInt8>>.allocate(capacity: 1)
let inline: InlineArray<1, RCU.Ref<UInt16>>? = nil
let sleepableMutex = Mutex<SleepableRCU.Ref<Int8>?>(nil)
let sleepableStream = AsyncStream<SleepableRCU.Ref<Int32>>.makeStream()
enum Local { @TaskLocal static var ref: RCU.Ref<UInt32>? = nil }

struct Table { subscript(_ ref: RCU.Ref<Int>) -> Int { ref.value } }
func leak(
  _ ref: RCU.Ref<Int>, _ lock: borrowing Mutex<Int>, _ continuation: AsyncStream<Any>.Continuation
) {
  var first: RCU.Ref<Int>? = ref
  var second: RCU.Ref<Int>? = ref
  _ = same(ref)
  pack(ref)
  swap(&first, &second)
  _ = first.map { $0 }
  _ = unsafeBitCast(ref, to: Int.self)
  _ = ref as Any
  print(ref)
  continuation.yield(ref)
  _ = [ref]
  _ = [1: ref]
  @Wrapper var wrapped = ref
  let _: RCU.Ref<Int> = lock.withLock { _ in ref }
  let _: CheckedContinuation<RCU.Ref<Int>, Never>
  let _: (RCU.Ref<Int>) -> Int = \RCU.Ref<Int>.value
  _ = \Table[ref]
}
