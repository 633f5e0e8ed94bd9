// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A noncopyable enum that holds a Ref is assigned to a variable that outlives the section. For a
// copyable enum it is an error: EscapeByAssignment. There is neither a cast nor an existential, and
// generic code only in `set`. Known to compile, wrongly.
import ReadCopyUpdate

enum Cell: ~Escapable, ~Copyable {
  case full(RCU.Ref<Int>)
  case empty

  mutating func fill(_ ref: RCU.Ref<Int>) { self = .full(ref) }
}

enum SleepableCell: ~Escapable, ~Copyable {
  case full(SleepableRCU.Ref<Int>)
  case empty
}

func set<T: ~Escapable & ~Copyable>(_ target: inout T, _ value: consuming T) { target = value }

func assign(_ pointer: borrowing RCU.Pointer<Int>, _ parameter: inout Cell) -> Int {
  var cell = Cell.empty
  var filled = Cell.empty
  var optional: Cell? = nil
  var generic: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    cell = .full(ref)
    filled.fill(ref)
    optional = Cell.full(ref)
    parameter = .full(ref)
    set(&generic, ref)
  }
  _ = consume filled
  _ = consume optional
  guard case .full(let ref) = cell else { return 0 }
  return ref.value + generic!.value
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  var cell = SleepableCell.empty
  await domain.withReadSection { section in
    await Task.yield()
    cell = .full(pointer.load(in: section)!)
  }
  guard case .full(let ref) = cell else { return 0 }
  return ref.value
}
