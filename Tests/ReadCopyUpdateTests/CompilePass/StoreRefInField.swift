// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A value can be one; an enum that can't escape either may hold a Ref, inside the section.
import ReadCopyUpdate

actor Isolated {
  var value: Int?
  func keep(_ pointer: borrowing RCU.Pointer<Int>) {
    value = RCU.withReadSection { section in pointer.load(in: section)?.value }
  }
}

enum Payload: ~Escapable { case ref(RCU.Ref<Int>), none }

struct Thrown: Error { let value: Int }

@propertyWrapper struct Wrapper { var wrappedValue: Int? }

final class Computed {
  var value: Int? { nil }
  subscript(_ index: Int) -> Int? {
    get { nil }
    set {}
  }
}

protocol Keeper { associatedtype Kept }

func read(_ pointer: borrowing RCU.Pointer<Int>) throws(Thrown) -> Int {
  try RCU.withReadSection { (section) throws(Thrown) in
    lazy var value = pointer.load(in: section)!.value
    guard case .ref(let ref) = Payload.ref(pointer.load(in: section)!) else { return 0 }
    if ref.value == 0 { throw Thrown(value: value) }
    return ref.value
  }
}
