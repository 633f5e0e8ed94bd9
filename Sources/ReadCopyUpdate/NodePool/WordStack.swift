// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

/// A tagged word: a block's address, and in the low bits, which 64-byte alignment leaves free, its
/// size class and whether it is recent (``NodePool/isRecent(_:)``).
@usableFromInline
package enum TaggedBlock {
  @inlinable static var sizeClassMask: UInt { 7 }
  @inlinable static var recentBit: UInt { 8 }
  @inlinable static var mask: UInt { 15 }

  @inlinable
  @inline(__always)
  package static func make(
    _ block: UnsafeMutableRawPointer, _ sizeClass: Int, isRecent: Bool
  ) -> UInt {
    UInt(bitPattern: block) | UInt(truncatingIfNeeded: sizeClass) | (isRecent ? recentBit : 0)
  }

  @inlinable
  @inline(__always)
  package static func address(_ word: UInt) -> UInt { word & ~mask }

  @inlinable
  @inline(__always)
  package static func sizeClass(_ word: UInt) -> Int {
    Int(truncatingIfNeeded: word & sizeClassMask)
  }

  @inlinable
  @inline(__always)
  package static func isRecent(_ word: UInt) -> Bool { word & recentBit != 0 }
}

/// A stack of words: last in, first out, so that the hottest block is used next.
///
/// Written by hand instead of with an `Array`, whose uniqueness checks would cost as much as the
/// rest of an allocation. The blocks belong to the pool's slabs.
@safe
@frozen
@usableFromInline
package struct WordStack: ~Copyable {
  @usableFromInline var words: UnsafeMutablePointer<UInt>?
  @usableFromInline var capacity: Int
  @usableFromInline package private(set) var count = 0

  @inlinable
  package init() {
    capacity = 0
    unsafe words = nil
  }

  @inlinable
  deinit { unsafe words?.deallocate() }

  @inlinable
  @inline(__always)
  package mutating func push(_ word: UInt) {
    if isFull { grow() }
    pushWithRoom(word)
  }

  /// Whether there is no room for another word.
  @inlinable
  @inline(__always)
  var isFull: Bool { count == capacity }

  /// Like ``push(_:)``.
  ///
  /// - Precondition: the stack isn't full.
  @inlinable
  @inline(__always)
  mutating func pushWithRoom(_ word: UInt) {
    assert(!isFull)
    unsafe (words.unsafelyUnwrapped + count).initialize(to: word)
    count &+= 1
  }

  /// Makes room for at least `count` words in total, and writes to it, so that no push waits for a
  /// page.
  mutating func reserve(_ count: Int) {
    guard capacity < count else { return }
    grow(to: count)
    unsafe (words.unsafelyUnwrapped + self.count).initialize(
      repeating: 0, count: capacity - self.count)
  }

  /// The last word pushed; 0 if there is none.
  @inlinable
  @inline(__always)
  package mutating func pop() -> UInt {
    guard count > 0 else { return 0 }
    count &-= 1
    return unsafe words.unsafelyUnwrapped[count]
  }

  /// The word that will be on top after `distance` pops; 0 if there is none.
  @inlinable
  @inline(__always)
  package func word(belowTop distance: Int) -> UInt {
    count > distance ? unsafe words.unsafelyUnwrapped[count &- 1 &- distance] : 0
  }

  /// Like ``push(_:)``, but also starts to prefetch, for writing, what lies two cache lines ahead:
  /// a long stack is written once from end to end, each of its lines for the first time.
  ///
  /// - Precondition: the stack isn't full.
  @inlinable
  @inline(__always)
  mutating func pushFetchingAhead(_ word: UInt) {
    assert(!isFull)
    let end = unsafe words.unsafelyUnwrapped + count
    count &+= 1
    unsafe end.initialize(to: word)
    // With each push, though only every eighth word begins a new line: a branch would cost more.
    sysshims_prefetch_for_writing(UInt(bitPattern: end) &+ 128, 1)
  }

  @inlinable
  @inline(__always)
  package mutating func removeAll() { count = 0 }

  /// Like the subscript, but unchecked.
  ///
  /// - Precondition: `index` is less than `count`, and not negative.
  @inlinable
  @inline(__always)
  func word(at index: Int) -> UInt {
    assert(index >= 0 && index < count)
    return unsafe words.unsafelyUnwrapped[index]
  }

  @inlinable
  package subscript(index: Int) -> UInt {
    require(index >= 0 && index < count, "WordStack: index out of range")
    return unsafe words.unsafelyUnwrapped[index]
  }

  /// Doubles the capacity. The new one isn't a parameter, since each push would compute it.
  @usableFromInline
  @inline(never)
  mutating func grow() { grow(to: max(capacity * 2, 16)) }

  private mutating func grow(to largerCapacity: Int) {
    let larger = UnsafeMutablePointer<UInt>.allocate(capacity: largerCapacity)
    if let words = unsafe words {
      unsafe larger.initialize(from: words, count: count)
      unsafe words.deallocate()
    }
    unsafe words = larger
    capacity = largerCapacity
  }
}

extension WordStack: @unchecked Sendable {
  // Safety: it owns its words, and a batch's words are never changed again.
}
