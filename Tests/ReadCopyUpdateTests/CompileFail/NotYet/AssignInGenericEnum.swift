// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Generic code puts a Ref into an enum, most simply an optional, that outlives the section. With
// the Ref's type in place of the generic parameter it is an error: EscapeByAssignment. There is
// neither a cast nor an existential. Known to compile, wrongly.
import ReadCopyUpdate

func set<T: ~Escapable>(_ target: inout T?, _ value: T) { target = value }

func set<T: ~Escapable>(_ target: inout Result<T, Never>, _ value: T) { target = .success(value) }

extension Optional where Wrapped: ~Escapable {
  mutating func put(_ value: Wrapped) { self = value }
}

enum Cell<T: ~Escapable>: ~Escapable {
  case full(T)
  case empty

  mutating func fill(_ value: T) { self = .full(value) }
}

nonisolated(unsafe) var global: RCU.Ref<Int>? = nil

func assign(_ pointer: borrowing RCU.Pointer<Int>) -> Int {
  var first: RCU.Ref<Int>? = nil
  var second: RCU.Ref<Int>? = nil
  var cell = Cell<RCU.Ref<Int>>.empty
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    set(&first, ref)
    second.put(ref)
    cell.fill(ref)
    set(&global, ref)
  }
  guard case .full(let third) = cell else { return 0 }
  return first!.value + second!.value + third.value + global!.value
}

func last<T: ~Escapable>(_ forEach: ((T) -> Void) -> Void, _ body: (T) -> Void) {
  var last: T? = nil
  forEach { last = $0 }
  if let last { body(last) }
}

func walk(_ list: borrowing RCU.List<Int>) {
  last(
    { body in RCU.withReadSection { section in list.forEach(in: section) { body($0) } } },
    { (ref: RCU.Ref<Int>) in print(ref.value) })
}

func curried<T: ~Escapable>(_ value: T, _ read: @escaping (T) -> Int) -> () -> Int {
  let optional: T? = value
  return { read(optional!) }
}

func capture(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in curried(pointer.load(in: section)!) { $0.value } }
}

func others(
  _ pointer: borrowing RCU.Pointer<Int>, _ list: borrowing RCU.List<Int>,
  _ table: borrowing RCU.HashTable<Int, Int>
) -> Int {
  var proof: RCU.ReadSection? = nil
  var cursor: RCU.List<Int>.Cursor? = nil
  var entry: RCU.HashTable<Int, Int>.Entry? = nil
  RCU.withReadSection { section in
    set(&proof, section)
    set(&cursor, list.cursor(in: section))
    table.forEach(in: section) { set(&entry, $0) }
  }
  return pointer.load(in: proof!)!.value + cursor!.next()!.value + entry!.value
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  var suspended: SleepableRCU.Ref<Int>? = nil
  await domain.withReadSection { section in
    await Task.yield()
    set(&suspended, pointer.load(in: section)!)
  }
  return suspended!.value
}
