// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization
public import _RCUShims

extension RCUDomain {
  /// A hash table that is read without locking, and changed by many writers without one either.
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
  /// It owns its values. A value that is removed or replaced comes back as ``Retired``; readers
  /// that hold a ``Ref`` to it keep it until their sections end. What is left when the table goes
  /// is destroyed after a grace period, on the reclaimer thread.
  ///
  /// - **Lookups** see a key that is in the table during the whole call, also while it is replaced
  ///   or the table grows. Of a key that is added or removed meanwhile they see either state.
  /// - **Duplicates** of a key come about by ``insert(_:forKey:)`` only. The other operations never
  ///   make one: not visible at any instant, as long as `insert` isn't used.
  /// - **Size**: the number of buckets, a power of two, follows the number of elements: it doubles
  ///   when there are more elements than buckets, and shrinks below an eighth. The reclaimer thread
  ///   does that, while readers and writers go on. A writer outside of sections helps where the
  ///   reclaimer can't keep up, for example while a section stays open.
  ///
  /// - Threads: all operations from any thread; with a ``ThreadRegisteringFlavor``, writers must be
  ///   registered too. A writer opens a read section for itself; it may be called inside one.
  /// - Complexity: O(1) on average for a single key, as far as `Key`'s hashes differ. Keys of one
  ///   hash are compared one after another.
  /// - Source: `cds_lfht`.
  @safe
  public struct HashTable<Key: Hashable & Sendable, Value: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Value, _HashTableTrailer<Key>>
    @usableFromInline typealias Core = _HashTableCore<Flavor>

    // Beside `core`, which has it too: a reader touches no object.
    @usableFromInline let table: OpaquePointer
    @usableFromInline let core: Core

    /// Creates an empty table.
    ///
    /// - Precondition: `minimumCapacity` is 1 to 2^30.
    /// - Parameter minimumCapacity: elements that fit before the first growth; the table doesn't
    ///   shrink below that. 16 bytes each.
    @inlinable
    public init(minimumCapacity: Int = 64) {
      core = Core(
        minimumCapacity: minimumCapacity, node: Node.retired, linkOffset: Node.trailerOffset)
      unsafe table = core.table
    }

    deinit {
      // Whoever drops the table has the last access to it, but sections may hold Refs. A deinit
      // doesn't know which locks are held: it doesn't wait for the limits.
      let core = self.core
      RCUDomain.afterGracePeriod(bytes: core.bytes, mayWait: false) {
        withExtendedLifetime(core) {}
      }
    }

    /// How many elements the table holds: exact while no writer is at work; else off by what the
    /// writers at work add and remove meanwhile, never negative.
    ///
    /// - Complexity: O(1): the sum of 16 counters.
    @inlinable
    public var count: Int { max(0, core.counts.sum) }

    /// Whether ``count`` is zero.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// How many buckets there are now: a power of two, 16 bytes each.
    @inlinable
    public var bucketCount: Int { core.bucketCount.load(ordering: .relaxed) }
  }
}

extension RCUDomain.HashTable: @unchecked Sendable where Value: ~Copyable {
  // liburcu's table is made to be shared, and keys and values are Sendable.
}

/// What a node has behind its value: liburcu's links first, so that their address is the trailer's.
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
  /// A node that nobody knows yet, by its links.
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
