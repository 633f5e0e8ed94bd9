// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
internal import _RCUShims

/// The part of a hash table that outlives it: liburcu's table, until the sections that were open
/// when the hash table was destroyed have ended, and a resize in progress is over.
///
/// The last reference destroys it. The hash table has a reference, which its deinit hands to the
/// reclaimer until after a grace period, and so does a resize that waits for the reclaimer. In
/// whichever order these two run, the last one runs after the grace period, outside of sections,
/// and with no resize in progress, as `cds_lfht_destroy` requires.
@safe
@usableFromInline
final class _HashTableCore<Flavor: RCUFlavor>: @unchecked Sendable {
  // Sendable: `table` is made for sharing, and the rest is constant or atomic.
  @usableFromInline let table: OpaquePointer
  @usableFromInline let counts = _ShardedCount()
  private let flavor: UnsafePointer<rcu_flavor_struct>
  private let node: _RetiredNode
  private let linkOffset: Int
  @usableFromInline let minimumBucketCount: Int
  // Written by the thread that has set `isResizing`; read by all threads, as a hint.
  @usableFromInline let bucketCount: Atomic<Int>
  // Whether a resize is waiting for the reclaimer.
  private let isScheduled = Atomic(false)
  // A lock around `cds_lfht_resize`, which threads only ever try: a writer that helps must not wait
  // for a resize that waits for a grace period.
  private let isResizing = Atomic(false)

  /// - Parameter node: how to destroy a node of the table.
  /// - Parameter linkOffset: the offset of liburcu's links in a node.
  @usableFromInline
  init(minimumCapacity: Int, node: _RetiredNode, linkOffset: Int) {
    require(
      minimumCapacity >= 1 && minimumCapacity <= 1 << 30,
      "RCUDomain.HashTable: minimumCapacity must be 1 to 2^30")
    let name = Flavor.name
    guard let flavor = unsafe name.withCString({ unsafe rcushims_table_flavor($0) }) else {
      fail("RCUDomain.HashTable: liburcu has no flavor \(name)")
    }
    minimumBucketCount = Self.powerOfTwo(minimumCapacity)
    bucketCount = Atomic(minimumBucketCount)
    guard let table = unsafe rcushims_table_new(flavor, UInt(minimumBucketCount)) else {
      fail("RCUDomain.HashTable: no memory for \(minimumBucketCount) buckets")
    }
    self.node = node
    self.linkOffset = linkOffset
    unsafe self.flavor = flavor
    unsafe self.table = table
  }

  deinit {
    // No thread reads or writes any more, so no section is needed.
    var iterator = unsafe cds_lfht_iter()
    unsafe rcushims_table_first(table, &iterator)
    while let link = unsafe iterator.node {
      unsafe rcushims_table_next(table, &iterator)
      _ = unsafe rcushims_table_delete(table, link)
      let object = unsafe UnsafeMutableRawPointer(link) - linkOffset
      unsafe node.deinitialize(object)
      unsafe object.deallocate()
    }
    unsafe rcushims_table_destroy(table)
  }

  /// The bytes that destroying the table gives back; counted for the limits.
  var bytes: Int {
    let bucketBytes = unsafe MemoryLayout<cds_lfht_node>.size
    return max(0, counts.sum) * node.bytes + bucketCount.load(ordering: .relaxed) * bucketBytes
  }

  // MARK: Resizing

  /// Above this number of elements per bucket, a writer doesn't wait for the reclaimer to resize.
  private static var helpLoad: Int { 4 }

  /// Counts an element that was added or removed, and resizes the table if necessary.
  @inlinable
  func count(_ change: Int, hash: Int) {
    let shard = counts.add(change, hash: hash)
    let buckets = bucketCount.load(ordering: .relaxed)
    // One of the 16 counters stands for all. This is only a hint, which is checked with the sum.
    let estimate = shard &* _ShardedCount.shardCount
    let mayShrink = change < 0 && buckets > minimumBucketCount && estimate &* 8 < buckets
    if estimate > buckets || mayShrink { considerResize() }
  }

  /// The number of buckets that suits the number of elements.
  private var wantedBucketCount: Int {
    let (count, buckets) = (counts.sum, bucketCount.load(ordering: .relaxed))
    if count > buckets { return Self.powerOfTwo(count) }
    if count * 8 < buckets { return max(minimumBucketCount, Self.powerOfTwo(max(1, count * 2))) }
    return buckets
  }

  @usableFromInline
  func considerResize() {
    let buckets = bucketCount.load(ordering: .relaxed)
    guard wantedBucketCount != buckets else { return }
    // Growing doesn't wait for a grace period, so it is allowed whatever locks the caller holds.
    if counts.sum > buckets * Self.helpLoad && !Flavor._isInReadSection {
      return resize(mayShrink: false)
    }
    guard !isScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
    RCUDomain<Flavor>.afterGracePeriod(mayWait: false) {
      // Cleared first, so that later changes schedule another resize.
      self.isScheduled.store(false, ordering: .releasing)
      Flavor._reclaimer.source.asReader { self.resize(mayShrink: true) }
    }
  }

  /// Must be called outside of sections, on a registered thread.
  private func resize(mayShrink: Bool) {
    // Pairs with the release below, so that one thread resizes at a time. A thread that finds the
    // lock taken leaves the work to its holder, or to the next writer that finds the table too
    // small.
    guard !isResizing.exchange(true, ordering: .acquiring) else { return }
    defer { isResizing.store(false, ordering: .releasing) }
    let wanted = wantedBucketCount
    let buckets = bucketCount.load(ordering: .relaxed)
    guard wanted > buckets || (mayShrink && wanted < buckets) else { return }
    unsafe rcushims_table_resize(table, flavor, UInt(wanted))
    bucketCount.store(wanted, ordering: .relaxed)
  }

  /// The smallest power of two that isn't less than `count`, which is positive.
  private static func powerOfTwo(_ count: Int) -> Int {
    count == 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
  }
}

/// A counter in 16 parts, each in a cache line of its own, so that writers rarely share one.
@safe
@usableFromInline
struct _ShardedCount: ~Copyable, @unchecked Sendable {
  // Sendable: all access is atomic.
  @usableFromInline let shards: UnsafeMutableRawPointer

  @usableFromInline static var shardCount: Int { @inlinable get { 16 } }
  @usableFromInline static var shardBytes: Int { @inlinable get { 64 } }

  init() {
    unsafe shards = .allocate(
      byteCount: Self.shardCount * Self.shardBytes, alignment: Self.shardBytes)
    for index in 0..<Self.shardCount {
      unsafe (shards + index * Self.shardBytes).initializeMemory(
        as: Atomic<Int>.self, to: Atomic(0))
    }
  }

  deinit { unsafe shards.deallocate() }

  @inlinable
  func shard(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    unsafe (shards + index &* Self.shardBytes).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// Adds `change` to the shard of `hash`, so that a removal finds the shard of the insertion, and
  /// returns the shard's new value.
  ///
  /// Relaxed: the number publishes nothing.
  @inlinable
  func add(_ change: Int, hash: Int) -> Int {
    // Not the lowest bits, which choose the bucket.
    let index = Int(truncatingIfNeeded: UInt(bitPattern: hash) &>> 32) & (Self.shardCount &- 1)
    return unsafe shard(index).pointee.wrappingAdd(change, ordering: .relaxed).newValue
  }

  @inlinable
  var sum: Int {
    var sum = 0
    for index in 0..<Self.shardCount {
      sum &+= unsafe shard(index).pointee.load(ordering: .relaxed)
    }
    return sum
  }
}
