// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// A counter in 16 parts, each in a cache line of its own, so that writers rarely share one.
@safe
@usableFromInline
struct _ShardedCount: ~Copyable, @unchecked Sendable {
  // Sendable: all access is atomic.
  private let shards: UnsafeMutableRawPointer

  static var shardCount: Int { 16 }
  private static var shardBytes: Int { 64 }

  init() {
    unsafe shards = .allocate(
      byteCount: Self.shardCount * Self.shardBytes, alignment: Self.shardBytes)
    for index in 0..<Self.shardCount {
      unsafe (shards + index * Self.shardBytes).initializeMemory(
        as: Atomic<Int>.self, to: Atomic(0))
    }
  }

  deinit { unsafe shards.deallocate() }

  private func shard(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    unsafe (shards + index &* Self.shardBytes).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// Adds `change` to the shard of `hash`, so that a removal finds the shard of the insertion, and
  /// returns the shard's new value.
  ///
  /// Relaxed: the number publishes nothing.
  func add(_ change: Int, hash: Int) -> Int {
    // Neither the lowest bits, which choose the bucket, nor the highest, which are the tag.
    let index = Int(truncatingIfNeeded: UInt(bitPattern: hash) &>> 32) & (Self.shardCount &- 1)
    return unsafe shard(index).pointee.wrappingAdd(change, ordering: .relaxed).newValue
  }

  @usableFromInline
  var sum: Int {
    var sum = 0
    for index in 0..<Self.shardCount {
      sum &+= unsafe shard(index).pointee.load(ordering: .relaxed)
    }
    return sum
  }
}
