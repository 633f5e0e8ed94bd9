// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A cast makes of a Ref what outlives its section: the compiler asks for Escapable where the cast
// is `as`, and doesn't where it is `as?`, `as!` or a pattern. Known to compile, wrongly.
import ReadCopyUpdate

protocol Ordinary {}

func cast<From: ~Escapable, To>(_ value: From, to: To.Type) -> To? { value as? To }

func casts(_ pointer: borrowing RCU.Pointer<Int>) -> [Any?] {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    let existential: any ~Escapable = ref
    return [
      ref as? Any, ref as! Any, ref as? AnyObject, ref as? any Copyable, ref as? any Ordinary,
      ref as? any Error, pointer.load(in: section) as? Any, existential as? Any, section as? Any,
      cast(ref, to: Any.self),
    ]
  }
}

func patterns(_ pointer: borrowing RCU.Pointer<Int>) -> [Any] {
  RCU.withReadSection { section in
    if case let any as Any = pointer.load(in: section)! { return [any] }
    switch pointer.load(in: section)! {
    case let any as Any: return [any]
    default: return []
    }
  }
}

func collections(
  _ list: borrowing RCU.List<Int>, _ table: borrowing RCU.HashTable<Int, Int>
) -> [Any?] {
  RCU.withReadSection { section in
    var all: [Any?] = [list.cursor(in: section) as? Any]
    table.forEach(in: section) { entry in all.append(entry as? Any) }
    return all
  }
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Any? {
  await domain.withReadSection { section in
    await Task.yield()
    return pointer.load(in: section)! as? Any
  }
}
