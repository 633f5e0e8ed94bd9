// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A hash table whose readers take no lock and never wait.
  ///
  /// ```swift
  /// let sessions = RCU.HashTable<Int, Session>()
  /// _ = sessions.insert(Session(user: "ada"), forKey: 17)
  /// let user = RCU.withReadSection { section in
  ///   sessions.lookup(17, in: section)?.value.user
  /// }
  /// sessions.removeValue(forKey: 17)  // destroyed after a grace period
  /// ```
  ///
  /// It owns its values. A value that is removed or replaced is returned as ``Retired``, and stays
  /// alive for readers that hold a ``Ref`` to it until their sections end. The elements that are
  /// left when the table is destroyed are destroyed after a grace period, on the reclaimer thread,
  /// in portions of half a millisecond.
  ///
  /// - **Lookups** find a key that is in the table during the whole call, even while its value is
  ///   replaced or the table is resized. For a key that is added or removed meanwhile, they may see
  ///   either state.
  /// - **Writers** of different keys rarely meet: one locks a bucket, a 64-byte line, while it
  ///   stores a word or two. It runs no code of yours meanwhile.
  /// - **Duplicates** of a key are added only by ``addDuplicate(_:forKey:)``. Without it, no key
  ///   has two values at any moment.
  /// - **Size**: the number of buckets, a power of two, follows the number of elements. It grows
  ///   when there are more than four elements per bucket, and shrinks when there is fewer than one
  ///   in two buckets. The elements don't move all at once: each insertion and removal moves those
  ///   of two buckets.
  ///
  /// - Threads: all operations may be called on any thread; with a ``ThreadRegisteringFlavor``,
  ///   writers must be registered too. A writer opens a read section by itself, and may be inside
  ///   one. Signal handlers may read.
  /// - Complexity: O(1) on average for a single key, if the hashes of keys differ. Keys with the
  ///   same hash are compared one after another.
  /// - Source: our own. Buckets of a cache line with a byte of each hash are those of Folly's
  ///   `F14` and Facebook's CLHT, *Asynchronized Concurrency* (David, Guerraoui, Trigonakis, 2015);
  ///   growing bucket by bucket, with readers sent on, is that of Java's `ConcurrentHashMap`.
  @safe
  public struct HashTable<Key: Hashable & Sendable, Value: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Value, _HashTableTrailer<Key>>

    @usableFromInline let storage: UnsafeMutablePointer<_TableStorage>

    /// Creates an empty table.
    ///
    /// - Precondition: `minimumCapacity` is 1 to 2^30, and there is memory for that.
    /// - Parameter minimumCapacity: the number of elements that fit before the table first grows.
    ///   It never shrinks below that. Each takes 16 to 32 bytes, without its key and value.
    /// - Complexity: O(minimumCapacity), and a few allocations. The system provides the memory of
    ///   large tables when it is first used.
    @inlinable
    public init(minimumCapacity: Int = 64) {
      unsafe storage = _makeTableStorage(
        minimumCapacity: minimumCapacity,
        hashOffset: Node.trailerOffset + _HashTableTrailer<Key>.hashOffset)
    }

    deinit {
      // This is the last access to the table, but sections may hold Refs. A deinit can't know which
      // locks are held, so it doesn't wait for the limits.
      let remains = unsafe _TableRemains(storage, node: Node.retired)
      RCUDomain.destroyInPortions(bytes: remains.bytes) { remains.destroyPortion() }
    }

    /// The number of elements. It is exact while no writer is active; otherwise it is off by at
    /// most what the active writers add and remove, and never negative.
    ///
    /// - Memory ordering: relaxed.
    /// - Complexity: O(1): the sum of 16 counters.
    @inlinable
    public var count: Int { unsafe max(0, storage.pointee.counts.sum) }

    /// Whether ``count`` is zero.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The current number of buckets: a power of two. Each takes 64 bytes and has places for six
    /// elements; with more, it takes another 64 bytes for each six of these.
    @inlinable
    public var bucketCount: Int {
      unsafe storage.pointee.array.count
    }
  }
}

extension RCUDomain.HashTable: @unchecked Sendable where Value: ~Copyable {
  // Safety: the storage is made for sharing, and keys and values are Sendable.
}

/// What a node has after its value.
@safe
@usableFromInline
@frozen
struct _HashTableTrailer<Key> {
  // Next to the value: a look-up reads these two, and not the hash.
  @usableFromInline let key: Key
  @usableFromInline let hash: Int

  @inlinable static var hashOffset: Int {
    let mask = MemoryLayout<Int>.alignment - 1
    return (MemoryLayout<Key>.size + mask) & ~mask
  }

  @inlinable
  init(_ key: Key, hash: Int) {
    self.hash = hash
    self.key = key
  }
}

@usableFromInline
func _makeTableStorage(
  minimumCapacity: Int, hashOffset: Int
) -> UnsafeMutablePointer<_TableStorage> {
  require(
    minimumCapacity >= 1 && minimumCapacity <= 1 << 30,
    "RCUDomain.HashTable: minimumCapacity must be 1 to 2^30, not \(minimumCapacity)")
  let buckets = (minimumCapacity + _TableArray.maximumLoad - 1) / _TableArray.maximumLoad
  let storage = UnsafeMutablePointer<_TableStorage>.allocate(capacity: 1)
  unsafe storage.initialize(
    to: _TableStorage(
      minimumScale: Int.bitWidth - (buckets - 1).leadingZeroBitCount, hashOffset: hashOffset))
  return unsafe storage
}
