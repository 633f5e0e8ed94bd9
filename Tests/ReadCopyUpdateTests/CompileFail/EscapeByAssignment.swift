// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What was loaded in a section isn't assigned to what outlives it, by whatever statement or
// function.
// error: lifetime-dependent variable 'parameter' escapes its scope
// error: lifetime-dependent variable 'deferred' escapes its scope
// error: lifetime-dependent variable 'nested' escapes its scope
// error: lifetime-dependent value escapes its scope
// error: lifetime-dependent variable 'argument' escapes its scope
// error: lifetime-dependent variable 'copied' escapes its scope
// error: lifetime-dependent variable 'taken' escapes its scope
// error: lifetime-dependent variable 'tuple' escapes its scope
// error: lifetime-dependent variable 'result' escapes its scope
// error: lifetime-dependent variable 'locked' escapes its scope
// error: lifetime-dependent variable 'proof' escapes its scope
// error: lifetime-dependent variable 'inner' escapes its scope
// error: lifetime-dependent variable 'cursor' escapes its scope
// error: lifetime-dependent variable 'element' escapes its scope
// error: lifetime-dependent variable 'target' escapes its scope
// error: lifetime-dependent variable 'self' escapes its scope
// error: lifetime-dependent variable 'self' escapes its scope
// error: lifetime-dependent variable 'self' escapes its scope
// error: lifetime-dependent variable 'payload' escapes its scope
// error: lifetime-dependent variable 'existential' escapes its scope
// error: lifetime-dependent variable 'suspended' escapes its scope
// error: lifetime-dependent variable 'sleepable' escapes its scope
import ReadCopyUpdate
import Synchronization

func leak(_ pointer: borrowing RCU.Pointer<Int>, _ parameter: inout RCU.Ref<Int>?) {
  RCU.withReadSection { section in parameter = pointer.load(in: section) }
}

func statements(_ pointer: borrowing RCU.Pointer<Int>) {
  var deferred: RCU.Ref<Int>? = nil
  var copied: RCU.Ref<Int>? = nil
  var taken: RCU.Ref<Int>? = nil
  var tuple: (RCU.Ref<Int>?, Int) = (nil, 0)
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    defer { deferred = ref }
    print(ref.value)
  }
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    copied = copy ref
  }
  RCU.withReadSection { section in
    var optional = pointer.load(in: section)
    taken = optional.take()
  }
  RCU.withReadSection { section in tuple.0 = pointer.load(in: section) }
  _ = (deferred, copied, taken, tuple)
}

func functions(_ pointer: borrowing RCU.Pointer<Int>) {
  var outer: RCU.Ref<Int>? = nil
  func before(_ section: RCU.ReadSection) { outer = pointer.load(in: section) }
  RCU.withReadSection(before)
  let put: (RCU.Ref<Int>) -> Void = { argument in outer = argument }
  RCU.withReadSection { section in put(pointer.load(in: section)!) }
  RCU.withReadSection { section in
    func within(_ nested: RCU.Ref<Int>) { outer = nested }
    within(pointer.load(in: section)!)
  }
  _ = outer
}

enum Failure: Error { case none }

func inCalls(_ pointer: borrowing RCU.Pointer<Int>, _ lock: borrowing Mutex<Int>) {
  var result: Result<RCU.Ref<Int>, Failure> = .failure(.none)
  var locked: RCU.Ref<Int>? = nil
  var proof: RCU.ReadSection? = nil
  RCU.withReadSection { section in result = .success(pointer.load(in: section)!) }
  RCU.withReadSection { section in
    lock.withLock { _ in locked = pointer.load(in: section) }
  }
  RCU.withReadSection { section in proof = section }
  _ = (result, locked, proof)
}

func nestedSections(_ pointer: borrowing RCU.Pointer<Int>, _ list: borrowing RCU.List<Int>) {
  RCU.withReadSection { section in
    var inner = pointer.load(in: section)
    var cursor = list.cursor(in: section)
    var element: RCU.Ref<Int>? = nil
    RCU.withReadSection { section in inner = pointer.load(in: section) }
    RCU.withReadSection { section in cursor = list.cursor(in: section) }
    list.forEach(in: section) { element = $0 }
    _ = (inner, cursor, element)
  }
}

func assign(_ target: inout RCU.Ref<Int>?, _ ref: RCU.Ref<Int>) { target = ref }

protocol Slot: ~Escapable { mutating func put(_ ref: RCU.Ref<Int>) }

enum Kept: ~Escapable, Slot {
  case ref(RCU.Ref<Int>)
  case none

  mutating func put(_ ref: RCU.Ref<Int>) { self = .ref(ref) }
  subscript(_ ref: RCU.Ref<Int>) -> Int {
    get { 0 }
    set { self = .ref(ref) }
  }
}

extension RCU.Ref { mutating func become(_ other: Self) { self = other } }

func payload(_ pointer: borrowing RCU.Pointer<Int>) {
  var payload = Kept.none
  RCU.withReadSection { section in payload = .ref(pointer.load(in: section)!) }
  _ = payload
}

func leak(_ pointer: borrowing RCU.Pointer<Int>, _ other: RCU.Ref<Int>) {
  var existential: any ~Escapable = other
  RCU.withReadSection { section in existential = pointer.load(in: section)! }
  _ = existential
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async {
  var suspended: SleepableRCU.Ref<Int>? = nil
  var sleepable: SleepableRCU.ReadSection? = nil
  await domain.withReadSection { section in
    await Task.yield()
    suspended = pointer.load(in: section)
  }
  domain.withReadSection { section in sleepable = section }
  _ = (suspended, sleepable)
}
