// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

extension RCUDomain.HashTable where Value: ~Copyable {
  /// The value for `key`, valid until the section ends; `nil` if there is none. If the key has
  /// duplicates, the one that was inserted first.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the full barrier before each insertion: the value
  ///   is seen as its writer left it.
  /// - Threads: any that may read.
  /// - Complexity: O(1) on average. No lock, no allocation, and no reference counting except in
  ///   `Key`'s own `==` and `hash(into:)`.
  /// - Source: `cds_lfht_lookup`.
  @inlinable
  @_lifetime(copy section)
  public borrowing func lookup(
    _ key: Key, in section: RCUDomain.ReadSection
  ) -> RCUDomain.Ref<Value>? {
    section.checkIsOpen()
    guard let link = unsafe find(key, hash: key.hashValue).node else { return nil }
    return unsafe RCUDomain.Ref(Node.start(of: link), in: section)
  }

  /// Calls `body` with every value for `key`, in insertion order.
  ///
  /// - Memory ordering: as ``lookup(_:in:)``.
  /// - Complexity: O(values whose keys have the same hash).
  /// - Source: `cds_lfht_next_duplicate`.
  @inlinable
  public borrowing func forEachValue<E: Error>(
    forKey key: Key, in section: RCUDomain.ReadSection,
    _ body: (RCUDomain.Ref<Value>) throws(E) -> Void
  ) throws(E) {
    section.checkIsOpen()
    var iterator = unsafe find(key, hash: key.hashValue)
    while let link = unsafe iterator.node {
      if unsafe Node.trailer(of: link).pointee.key == key {
        try body(unsafe RCUDomain.Ref(Node.start(of: link), in: section))
      }
      unsafe rcushims_table_next_of_hash(table, &iterator)
    }
  }

  /// Calls `body` with every element, in no particular order.
  ///
  /// An element that is in the table during the whole walk is seen exactly once. If it is replaced
  /// meanwhile, exactly one of its values is seen. An element that is added or removed meanwhile
  /// may or may not be seen: a walk is not a snapshot. `body` may change the table.
  ///
  /// - Memory ordering: as ``lookup(_:in:)``.
  /// - Complexity: O(elements + buckets). The section stays open for as long.
  /// - Source: `cds_lfht_for_each`.
  @inlinable
  public borrowing func forEach<E: Error>(
    in section: RCUDomain.ReadSection, _ body: (Entry) throws(E) -> Void
  ) throws(E) {
    section.checkIsOpen()
    var iterator = unsafe cds_lfht_iter()
    unsafe rcushims_table_first(table, &iterator)
    while let link = unsafe iterator.node {
      try body(unsafe Entry(link, in: section))
      unsafe rcushims_table_next(table, &iterator)
    }
  }

  /// A key and its value, valid inside the read section that walks the table.
  @safe
  public struct Entry: ~Escapable {
    @usableFromInline let link: UnsafeMutablePointer<cds_lfht_node>
    #if DEBUG
      @usableFromInline let section: RCUDomain.ReadSection
    #endif

    /// - Safety: `link` is in a node that stays initialised until `section` ends.
    @usableFromInline
    @inline(__always)
    @_lifetime(copy section)
    @unsafe
    init(_ link: UnsafeMutablePointer<cds_lfht_node>, in section: RCUDomain.ReadSection) {
      unsafe self.link = link
      #if DEBUG
        self.section = section
      #endif
    }

    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        section.checkIsOpen()
      #endif
    }

    /// The key, in place.
    @inlinable
    @safe
    public var key: Key {
      // Safety: the section keeps the node alive, and keys and published values are never changed.
      // These are coroutines for the reason given in Ref.
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe Node.trailer(of: link).pointee.key
      }
    }

    /// The value, in place.
    @inlinable
    @safe
    public var value: Value {
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe Node.start(of: link).assumingMemoryBound(to: Value.self).pointee
      }
    }
  }

  /// An iterator at the first node for `key`, or at none. Inside a read section.
  ///
  /// cds_lfht compares the hash. The keys of the nodes with that hash are compared here, so that C
  /// needn't call back a closure.
  @inlinable
  @inline(__always)
  borrowing func find(_ key: Key, hash: Int) -> cds_lfht_iter {
    var iterator = unsafe cds_lfht_iter()
    unsafe rcushims_table_lookup(table, UInt(bitPattern: hash), &iterator)
    while let link = unsafe iterator.node {
      if unsafe Node.trailer(of: link).pointee.key == key { break }
      unsafe rcushims_table_next_of_hash(table, &iterator)
    }
    return unsafe iterator
  }
}

@available(*, unavailable, message: "an Entry belongs to the read section of one thread")
extension RCUDomain.HashTable.Entry: Sendable where Value: ~Copyable {}
