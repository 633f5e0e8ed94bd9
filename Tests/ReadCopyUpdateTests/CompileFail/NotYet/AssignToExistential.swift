// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref is assigned to an existential that outlives its section and is the payload of an enum, most
// simply of an optional. By itself an existential is an error: EscapeByAssignment. There is no
// cast. Known to compile, wrongly.
import ReadCopyUpdate

protocol Readable: ~Escapable { func read() -> Int }

extension RCU.Ref: Readable where Value == Int { func read() -> Int { value } }

enum Kept: ~Escapable {
  case one(any Readable & ~Escapable)
  case none
}

nonisolated(unsafe) var global: (any Readable & ~Escapable)? = nil

func assign(
  _ pointer: borrowing RCU.Pointer<Int>, _ parameter: inout (any Readable & ~Escapable)?
) -> Int {
  var local: (any Readable & ~Escapable)? = nil
  var nested: (any Readable & ~Escapable)? = nil
  var deferred: (any Readable & ~Escapable)? = nil
  var tuple: ((any Readable & ~Escapable)?, Int) = (nil, 0)
  var payload = Kept.none
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    func within(_ ref: RCU.Ref<Int>) { nested = ref }
    defer { deferred = ref }
    within(ref)
    (local, tuple.0, payload, global, parameter) = (ref, ref, .one(ref), ref, ref)
  }
  _ = (nested, deferred, tuple, payload, parameter)
  return local!.read() + global!.read()
}

func capture(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let optional: (any Readable & ~Escapable)? = pointer.load(in: section)!
    return { optional!.read() }
  }
}

func others(
  _ pointer: borrowing RCU.Pointer<Int>, _ list: borrowing RCU.List<Int>,
  _ table: borrowing RCU.HashTable<Int, Int>
) {
  var proof: (any ~Escapable)? = nil
  var cursor: (any ~Escapable)? = nil
  var entry: (any ~Escapable)? = nil
  RCU.withReadSection { section in
    proof = section
    cursor = list.cursor(in: section)
    table.forEach(in: section) { entry = $0 }
  }
  _ = (proof, cursor, entry)
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async {
  var suspended: (any ~Escapable)? = nil
  await domain.withReadSection { section in
    await Task.yield()
    suspended = pointer.load(in: section)!
  }
  _ = suspended
}
