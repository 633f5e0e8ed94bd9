// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Addresses of blocks, last in first out, so that the hottest is used next; with a size class in the low
/// bits where one is asked for.
///
/// By hand, not an `Array`: its uniqueness checks would cost as much as the rest of an allocation.
/// The pool's slabs own the blocks.
@safe
@frozen
@usableFromInline
package struct BlockStack: ~Copyable {
  @usableFromInline var words: UnsafeMutablePointer<UInt>?
  @usableFromInline var capacity: Int
  @usableFromInline package private(set) var count = 0

  /// - Parameter capacity: how many words there is room for to begin with.
  package init(capacity: Int = 0) {
    self.capacity = capacity
    unsafe words = capacity > 0 ? .allocate(capacity: capacity) : nil
  }

  @inlinable
  deinit { unsafe words?.deallocate() }

  @inlinable
  @inline(__always)
  package mutating func push(_ word: UInt) {
    if count == capacity { grow(to: 0) }
    unsafe (words.unsafelyUnwrapped + count).initialize(to: word)
    count &+= 1
  }

  /// Pushes all of `other`, which keeps them.
  package mutating func push(allOf other: borrowing BlockStack) {
    guard other.count > 0 else { return }
    if count + other.count > capacity { grow(to: count + other.count) }
    unsafe (words.unsafelyUnwrapped + count).initialize(
      from: other.words.unsafelyUnwrapped, count: other.count)
    count &+= other.count
  }

  /// The last word pushed; 0 if there is none.
  @inlinable
  @inline(__always)
  package mutating func pop() -> UInt {
    guard count > 0 else { return 0 }
    count &-= 1
    return unsafe words.unsafelyUnwrapped[count]
  }

  @inlinable
  package mutating func removeAll() { count = 0 }

  /// Takes out the words that fulfil `condition`, and keeps the order of the others.
  package mutating func remove(where condition: (UInt) -> Bool) -> [UInt] {
    var removed: [UInt] = []
    var keptCount = 0
    for index in 0..<count {
      let word = self[index]
      if condition(word) {
        removed.append(word)
      } else {
        unsafe words.unsafelyUnwrapped[keptCount] = word
        keptCount += 1
      }
    }
    count = keptCount
    return removed
  }

  @inlinable
  package subscript(index: Int) -> UInt {
    precondition(index >= 0 && index < count, "BlockStack: index out of range")
    return unsafe words.unsafelyUnwrapped[index]
  }

  @usableFromInline
  @inline(never)
  mutating func grow(to capacityMin: Int) {
    let largerCapacity = max(capacity * 2, capacityMin, 16)
    let larger = UnsafeMutablePointer<UInt>.allocate(capacity: largerCapacity)
    if let words = unsafe words {
      unsafe larger.initialize(from: words, count: count)
      unsafe words.deallocate()
    }
    unsafe words = larger
    capacity = largerCapacity
  }
}

extension BlockStack: @unchecked Sendable {
  // It owns its words; a batch's are not changed any more.
}
