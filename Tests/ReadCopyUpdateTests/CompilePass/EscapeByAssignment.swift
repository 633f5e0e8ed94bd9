// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Values are, by all of them; and Refs to what lives in the same section.
import ReadCopyUpdate
import Synchronization

func copy(_ pointer: borrowing RCU.Pointer<Int>, to parameter: inout Int?) {
  RCU.withReadSection { section in parameter = pointer.load(in: section)?.value }
}

func statements(_ pointer: borrowing RCU.Pointer<Int>, _ lock: borrowing Mutex<Int>) -> Int {
  var deferred = 0
  var tuple = (0, 0)
  RCU.withReadSection { section in
    var ref = pointer.load(in: section)!
    defer { deferred = ref.value }
    func within(_ other: RCU.Ref<Int>) { tuple.0 = other.value }
    within(copy ref)
    lock.withLock { $0 = ref.value }
    if let other = pointer.load(in: section) { ref = other }
  }
  return deferred + tuple.0
}

func nestedSections(_ pointer: borrowing RCU.Pointer<Int>, _ list: borrowing RCU.List<Int>) -> Int {
  RCU.withReadSection { section in
    var ref = pointer.load(in: section)
    var cursor = list.cursor(in: section)
    let inner = RCU.withReadSection { section in pointer.load(in: section)?.value }
    if inner == nil { ref = pointer.load(in: section) }
    if inner == 0 { cursor = list.cursor(in: section) }
    return (ref?.value ?? 0) + (cursor.next()?.value ?? 0)
  }
}

enum Kept: ~Escapable {
  case ref(RCU.Ref<Int>)
  case none
}

func keep(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  var suspended = 0
  await domain.withReadSection { section in
    var ref = pointer.load(in: section)
    await Task.yield()
    ref = pointer.load(in: section)
    suspended = ref?.value ?? 0
  }
  return suspended
}
