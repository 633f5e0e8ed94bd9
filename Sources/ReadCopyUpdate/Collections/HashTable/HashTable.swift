// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _RCUShims

extension RCUDomain {
  /// A hash table that neither readers nor writers lock.
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
  /// left when the table is destroyed are destroyed after a grace period, on the reclaimer thread.
  ///
  /// - **Lookups** find a key that is in the table during the whole call, even while its value is
  ///   replaced or the table is resized. For a key that is added or removed meanwhile, they may see
  ///   either state.
  /// - **Duplicates** of a key are added only by ``addDuplicate(_:forKey:)``. Without it, no key
  ///   has two values at any moment.
  /// - **Size**: the number of buckets, a power of two, follows the number of elements. It doubles
  ///   when there are more elements than buckets, and shrinks when there are fewer than an eighth.
  ///   The reclaimer thread resizes while readers and writers go on. A writer outside of sections
  ///   helps if the reclaimer can't keep up, for example because a section stays open.
  ///
  /// - Threads: all operations may be called on any thread; with a ``ThreadRegisteringFlavor``,
  ///   writers must be registered too. A writer opens a read section by itself, and may be inside
  ///   one.
  /// - Complexity: O(1) on average for a single key, if the hashes of keys differ. Keys with the
  ///   same hash are compared one after another.
  /// - Source: `cds_lfht`.
  @safe
  public struct HashTable<Key: Hashable & Sendable, Value: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Value, _HashTableTrailer<Key>>
    @usableFromInline typealias Core = _HashTableCore<Flavor>

    // Also in `core`. It is repeated here so that a reader doesn't touch an object.
    @usableFromInline let table: OpaquePointer
    @usableFromInline let core: Core

    /// Creates an empty table.
    ///
    /// - Precondition: `minimumCapacity` is 1 to 2^30.
    /// - Parameter minimumCapacity: the number of elements that fit before the table first grows.
    ///   It never shrinks below that. Each takes 16 bytes.
    /// - Complexity: O(minimumCapacity), and a few allocations.
    @inlinable
    public init(minimumCapacity: Int = 64) {
      core = Core(
        minimumCapacity: minimumCapacity, node: Node.retired, linkOffset: Node.trailerOffset)
      unsafe table = core.table
    }

    deinit {
      // This is the last access to the table, but sections may hold Refs. A deinit can't know which
      // locks are held, so it doesn't wait for the limits.
      let core = self.core
      RCUDomain.afterGracePeriod(bytes: core.bytes, mayWait: false) {
        withExtendedLifetime(core) {}
      }
    }

    /// The number of elements. It is exact while no writer is active; otherwise it is off by at
    /// most what the active writers add and remove, and never negative.
    ///
    /// - Memory ordering: relaxed.
    /// - Complexity: O(1): the sum of 16 counters.
    @inlinable
    public var count: Int { max(0, core.counts.sum) }

    /// Whether ``count`` is zero.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The current number of buckets: a power of two. Each takes 16 bytes.
    @inlinable
    public var bucketCount: Int { core.bucketCount.load(ordering: .relaxed) }
  }
}

extension RCUDomain.HashTable: @unchecked Sendable where Value: ~Copyable {
  // Safety: liburcu's table is made for sharing, and keys and values are Sendable.
}

/// What a node has after its value. liburcu's links come first, so that they have the trailer's
/// address.
@safe
@usableFromInline
@frozen
struct _HashTableTrailer<Key> {
  @usableFromInline var link: cds_lfht_node
  @usableFromInline let key: Key

  @inlinable
  init(_ key: Key) {
    unsafe link = cds_lfht_node()
    self.key = key
  }
}

extension _Node where Element: ~Copyable {
  /// Allocates a node that isn't published yet, and returns the address of its links.
  @inlinable
  static func allocate<Key>(
    _ value: consuming Element, _ key: Key
  ) -> UnsafeMutablePointer<cds_lfht_node> where Trailer == _HashTableTrailer<Key> {
    let trailer = unsafe UnsafeMutableRawPointer(trailer(allocate(value, _HashTableTrailer(key))))
    return unsafe trailer.assumingMemoryBound(to: cds_lfht_node.self)
  }

  @inlinable
  @inline(__always)
  static func trailer<Key>(
    of link: UnsafeMutablePointer<cds_lfht_node>
  ) -> UnsafeMutablePointer<Trailer> where Trailer == _HashTableTrailer<Key> {
    unsafe UnsafeMutableRawPointer(link).assumingMemoryBound(to: Trailer.self)
  }
}
