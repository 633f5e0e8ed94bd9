// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _SystemShims

/// How many sections of a ``SleepableRCU`` have begun and ended, in two halves, and spread over
/// shards that have cache lines of their own.
///
/// | word | meaning |
/// |---|---|
/// | 0 | bit 0: the half in which sections begin now |
/// | `wordsPerLine` × (1 + shard) + half | sections that began |
/// | `wordsPerLine` × (1 + shard) + 2 + half | sections that ended, wherever they began |
///
/// The counters only grow, and with 64 bits never wrap around. There is no other state: of a
/// section, only its half is remembered.
///
/// SleepableProof.md explains why the check in ``isQuiet(_:)`` is sufficient, whatever word 0 says.
/// Model: `Tests/Models/sleepable.pml`.
@safe
@usableFromInline
struct SectionCounters: @unchecked Sendable {
  // Sendable: all access to the words is atomic. The SleepableSource frees them after all users.
  @usableFromInline
  let words: UnsafeMutablePointer<Atomic<UInt>>
  @usableFromInline
  let shardMask: UInt

  /// 128 bytes: a cache line on some processors, and the pair of lines that others fetch together.
  @usableFromInline static var wordsPerLine: Int { 16 }
  /// More shards would only make a grace period longer. With 64, a domain takes 8 KiB.
  private static let maximumShardCount: UInt = 64

  init() {
    // A power of two, so that a mask selects a shard.
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

  /// Identifies the domain.
  @inlinable @inline(__always)
  var address: UnsafeRawPointer { unsafe UnsafeRawPointer(words) }

  /// The shard of the processor that the thread is running on. Any shard would be correct; this one
  /// is likely to be in the cache.
  @inlinable @inline(__always)
  var nearShard: Int {
    SectionCounters.wordsPerLine
      &* (1 &+ Int(truncatingIfNeeded: UInt(sysshims_processor()) & shardMask))
  }

  // MARK: Readers

  /// Counts the beginning of a section, and returns its half.
  ///
  /// - Memory ordering: the half is loaded relaxed, since it affects only who waits how long. The
  ///   increment acquires. *Pairs with* the releasing step of ``isQuiet(_:)``: a section that this
  ///   step didn't count sees everything that was done before the grace period began. Without it,
  ///   such a section could load an old pointer.
  @inlinable @inline(__always)
  func begin() -> Int {
    let half = Int(truncatingIfNeeded: unsafe words.pointee.load(ordering: .relaxed) & 1)
    unsafe (words + nearShard + half).pointee.wrappingAdd(1, ordering: .acquiring)
    return half
  }

  /// Counts the end of a section of `half`, on any thread.
  ///
  /// - Memory ordering: releasing. *Pairs with* the acquiring loads of ``isQuiet(_:)``: everything
  ///   that the section did happens before the end of the grace period that counted its end.
  ///   Without it, the section's last reads could find memory that has been freed.
  @inlinable @inline(__always)
  func end(_ half: Int) {
    unsafe (words + nearShard + 2 + half).pointee.wrappingAdd(1, ordering: .releasing)
  }

  // MARK: Grace periods

  /// The half in which sections begin now.
  var currentHalf: Int { Int(unsafe words.pointee.load(ordering: .relaxed) & 1) }

  /// Makes sections begin in the other half from now on. One thread at a time.
  func flip() { unsafe words.pointee.wrappingAdd(1, ordering: .relaxed) }

  /// Whether every section of `half` that began before some moment after the call has ended.
  ///
  /// The ends are summed before the beginnings, so for each end that is counted, its beginning is
  /// counted too. Hence, if the sums are equal, each beginning that is counted has its end.
  ///
  /// - Memory ordering: each counter of ends is loaded with acquire, and *pairs with* ``end(_:)``.
  ///   Each counter of beginnings is read by adding zero with release, which places the call at one
  ///   point among the increments of that counter: those before it are counted, and those after it
  ///   *pair with* it, see ``begin()``. With plain loads, a full barrier would be needed here and
  ///   in every section.
  /// - Complexity: O(shards).
  func isQuiet(_ half: Int) -> Bool {
    let ends = sumOfEnds(half)
    return ends == sumOfBeginnings(half)
  }

  /// About how many sections of `half` are open.
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

  /// Forgets all sections: called in a child of `fork`, which has none of them.
  func reset() {
    for index in 0..<Self.wordsPerLine * (2 + Int(shardMask)) {
      unsafe (words + index).pointee.store(0, ordering: .relaxed)
    }
  }
}
