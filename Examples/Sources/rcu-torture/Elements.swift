// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization

/// How many grace periods an element has seen since it was taken out, plus one.
///
/// | age | meaning |
/// |---|---|
/// | 0 | published |
/// | 1 | taken out; readers that found it before may still look at it |
/// | 2… | a grace period has passed: no reader may see this |
/// | `end` | free for its updater to write it anew |
enum Age {
  static let end = 10
  /// The oldest that a reader may see.
  static let maximumPermitted = 1
}

/// What is published: where the element is, and words to check it by. Freed by the library.
struct Handle: Sendable {
  let serial: UInt64
  /// Always `~serial`.
  let complement: UInt64
  let element: Int
  /// Always `element ^ serial`, so that freed and overwritten memory doesn't pass.
  let check: UInt64

  init(serial: UInt64, element: Int) {
    self.serial = serial
    complement = ~serial
    self.element = element
    check = UInt64(element) ^ serial
  }

  var isIntact: Bool {
    complement == ~serial && check == UInt64(bitPattern: Int64(element)) ^ serial
  }
}

/// What a handle leads to. Never freed, so that a reader which is wrong about its age can be told.
///
/// Ages are relaxed: nothing but read sections and grace periods orders them. The words are plain
/// memory, ordered by the publication alone.
final class ElementPool: @unchecked Sendable {
  // Sendable: ages are atomic; words are written by the one updater that owns the element, while no
  // reader can reach it.

  /// 64 bytes: elements share no cache line.
  private struct Element: ~Copyable {
    let age = Atomic(Age.end)
    var words: Words = (0, 0, 0, 0, 0, 0, 0)
  }
  private typealias Words = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  let count: Int
  private let elements: UnsafeMutablePointer<Element>

  init(count: Int) {
    self.count = count
    elements = .allocate(capacity: count)
    for index in 0..<count { (elements + index).initialize(to: Element()) }
  }

  deinit {
    elements.deinitialize(count: count)
    elements.deallocate()
  }

  func age(of index: Int) -> Int { elements[index].age.load(ordering: .relaxed) }

  /// Acquiring. *Pairs with* the release of `growOlder`: who ages an element is done with it.
  func isFree(_ index: Int) -> Bool { elements[index].age.load(ordering: .acquiring) == Age.end }

  /// Before the publication, by the element's updater.
  func write(_ index: Int, serial: UInt64) {
    elements[index].age.store(0, ordering: .relaxed)
    elements[index].words = Self.words(of: serial)
  }

  /// An element whose words are older than its publication; for the mutant.
  func writeAgeOnly(_ index: Int) { elements[index].age.store(0, ordering: .relaxed) }

  /// Right after the element was taken out.
  func takenOut(_ index: Int) { elements[index].age.store(1, ordering: .relaxed) }

  /// After a grace period. Returns whether the element has come to the end.
  ///
  /// Releasing. *Pairs with* `isFree`.
  @discardableResult
  func growOlder(_ index: Int) -> Bool {
    let age = elements[index].age.load(ordering: .relaxed) + 1
    elements[index].age.store(age, ordering: .releasing)
    return age == Age.end
  }

  /// Whether the words are those of `serial`; inside a read section.
  func isIntact(_ index: Int, serial: UInt64) -> Bool {
    let found = elements[index].words
    let expected = Self.words(of: serial)
    return found.0 == expected.0 && found.1 == expected.1 && found.2 == expected.2
      && found.3 == expected.3 && found.4 == expected.4 && found.5 == expected.5
      && found.6 == expected.6
  }

  private static func words(of serial: UInt64) -> Words {
    let step: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (
      serial, serial &* step, serial &* step &+ 1, serial ^ step, ~serial, serial &+ step,
      serial &* 3
    )
  }
}

/// A small random generator: Marsaglia's xorshift.
struct Random {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed + 1) &* 0x9e37_79b9_7f4a_7c15 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// 0 to `bound` - 1.
  mutating func next(below bound: Int) -> Int { Int((next() >> 16) % UInt64(bound)) }

  /// Once in `count` calls.
  mutating func isOne(in count: Int) -> Bool { next(below: count) == 0 }
}
