// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Nothing that outlives a section has a Ref, or an existential that may hold one, as a field, a
// payload or a computed property: actors, classes, structs, enums, errors, variables that are
// static, lazy or wrapped, subscripts.
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the 'get' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: the '_modify' accessor cannot return a ~Escapable result
// error: associated value 'ref' of 'Escapable'-conforming enum 'Payload' has non-Escapable type
// error: stored property 'ref' of 'Escapable'-conforming struct 'Thrown' has non-Escapable type
// error: stored property 'wrappedValue' of 'Escapable'-conforming struct 'Wrapper' has
// error: a method cannot return a ~Escapable result
// error: a method cannot return a ~Escapable result
// error: cannot suppress 'Escapable' requirement of an associated type
import ReadCopyUpdate

actor Isolated { var ref: RCU.Ref<Int>? }

actor SleepableIsolated { var ref: SleepableRCU.Ref<Int>? }

final class Existential { var ref: (any ~Escapable)? = nil }

final class Generic<T: ~Escapable> { var ref: T? = nil }

enum Static { nonisolated(unsafe) static var ref: (any ~Escapable)? = nil }

enum Payload { case ref(RCU.Ref<Int>) }

struct Thrown: Error { let ref: RCU.Ref<Int> }

@propertyWrapper struct Wrapper { var wrappedValue: RCU.Ref<Int>? }

final class Computed {
  var ref: RCU.Ref<Int>? { nil }
  subscript(_ index: Int) -> RCU.Ref<Int>? {
    get { nil }
    set {}
  }
}

protocol Keeper { associatedtype Kept: ~Escapable }

func lazily(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    lazy var ref = pointer.load(in: section)!
  }
}
