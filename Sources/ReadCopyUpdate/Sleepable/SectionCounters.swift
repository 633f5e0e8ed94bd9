// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _SystemShims

/// How many sections of a ``SleepableRCU`` have begun and ended, in two halves, spread over shards
/// that have cache lines of their own.
///
/// | word | meaning |
/// |---|---|
/// | 0 | bit 0: the half in which sections begin now |
/// | `wordsPerLine` × (1 + shard) + half | sections that began |
/// | `wordsPerLine` × (1 + shard) + 2 + half | sections that ended, wherever they began |
///
/// All counters only grow; in 64 bits they don't wrap. That is all the state there is. A section
/// notes its half, and nothing else of it is kept.
///
/// Why the check of ``isQuiet(_:)`` is enough, whatever word 0 says, is told at
/// ``SleepableRCU``. Model: `Tests/Models/sleepable.pml`.
@safe
@usableFromInline
struct SectionCounters: @unchecked Sendable {
  // Sendable: all access to the words is atomic. Freed by the SleepableSource, after all users.
  @usableFromInline
  let words: UnsafeMutablePointer<Atomic<UInt>>
  @usableFromInline
  let shardMask: UInt

  /// 128 bytes: the line of some processors, and the pair of lines that others fetch together.
  @usableFromInline static var wordsPerLine: Int { 16 }
  /// Beyond that shards only make a grace period longer: 64 make a domain 8 KiB.
  private static let maximumShardCount: UInt = 64

  init() {
    // A power of two, for the mask.
    var shardCount: UInt = 1
    while shardCount < min(UInt(sysshims_processor_count()), Self.maximumShardCount) {
      shardCount *= 2
    }
    shardMask = shardCount - 1
    let count = Self.wordsPerLine * (1 + Int(shardCount))
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<UInt>.stride,
      alignment: Self.wordsPerLine * MemoryLayout<UInt>.stride)
    unsafe words = bytes.bindMemory(to: Atomic<UInt>.self, capacity: count)
    for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
  }

  func deallocate() { unsafe UnsafeMutableRawPointer(words).deallocate() }

  /// What tells one domain from another.
  @inlinable @inline(__always)
  var address: UnsafeRawPointer { unsafe UnsafeRawPointer(words) }

  /// Of the processor that the thread runs on: any shard would be right, this one is at hand.
  @inlinable @inline(__always)
  var nearShard: Int {
    SectionCounters.wordsPerLine
      &* (1 &+ Int(truncatingIfNeeded: UInt(sysshims_processor()) & shardMask))
  }

  // MARK: Readers

  /// Counts a section that begins, and returns its half.
  ///
  /// - Memory ordering: the half is loaded relaxed: it decides who waits how long, not what is
  ///   right. The increment is acquiring. *Pairs with* the releasing step of ``isQuiet(_:)``: a
  ///   section that it didn't count sees everything that was done before the grace period began.
  ///   Without it such a section could load a pointer as it was before.
  @inlinable @inline(__always)
  func begin() -> Int {
    let half = Int(truncatingIfNeeded: unsafe words.pointee.load(ordering: .relaxed) & 1)
    unsafe (words + nearShard + half).pointee.wrappingAdd(1, ordering: .acquiring)
    return half
  }

  /// Counts a section of `half` that ends, on any thread.
  ///
  /// - Memory ordering: releasing. *Pairs with* the acquiring loads of ``isQuiet(_:)``: everything
  ///   that the section did happens before the end of the grace period that counted it. Without it
  ///   the section's last reads could meet memory that was given back.
  @inlinable @inline(__always)
  func end(_ half: Int) {
    unsafe (words + nearShard + 2 + half).pointee.wrappingAdd(1, ordering: .releasing)
  }

  // MARK: Grace periods

  /// The half in which sections begin now.
  var currentHalf: Int { Int(unsafe words.pointee.load(ordering: .relaxed) & 1) }

  /// Lets sections begin in the other half from now on. One thread at a time.
  func flip() { unsafe words.pointee.wrappingAdd(1, ordering: .relaxed) }

  /// Whether every section of `half` that began before some moment after the call has ended.
  ///
  /// The ends are summed before the beginnings: each end that is counted has its beginning counted
  /// too. So, if the sums are equal, each beginning that is counted has its end.
  ///
  /// - Memory ordering: each counter of ends is loaded acquiring, and *pairs with* ``end(_:)``.
  ///   Each counter of beginnings is read by adding nothing, releasing: that puts the call at one
  ///   place among the increments of the counter. Those before are counted; those after *pair with*
  ///   it, see ``begin()``. A plain load would need a full barrier here and in every section.
  /// - Complexity: O(shards).
  func isQuiet(_ half: Int) -> Bool {
    let ends = sumOfEnds(half)
    return ends == sumOfBeginnings(half)
  }

  /// How many sections of `half` are open, about.
  func openCount(_ half: Int) -> Int {
    let ends = sumOfEnds(half)
    var beginnings: UInt = 0
    for shard in 1...Int(shardMask) + 1 {
      beginnings &+= unsafe (words + shard * Self.wordsPerLine + half).pointee.load(
        ordering: .relaxed)
    }
    return Int(beginnings &- ends)
  }

  func sumOfBeginnings(_ half: Int) -> UInt {
    var beginnings: UInt = 0
    for shard in 1...Int(shardMask) + 1 {
      let counter = unsafe words + shard * Self.wordsPerLine + half
      beginnings &+= unsafe counter.pointee.wrappingAdd(0, ordering: .releasing).newValue
    }
    return beginnings
  }

  func sumOfEnds(_ half: Int) -> UInt {
    var ends: UInt = 0
    for shard in 1...Int(shardMask) + 1 {
      ends &+= unsafe (words + shard * Self.wordsPerLine + 2 + half).pointee.load(
        ordering: .acquiring)
    }
    return ends
  }

  /// Forgets all sections; in a child of `fork`, which has none of them.
  func reset() {
    for index in 0..<Self.wordsPerLine * (2 + Int(shardMask)) {
      unsafe (words + index).pointee.store(0, ordering: .relaxed)
    }
  }
}
