// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

extension RCUDomain.HashTable where Value: ~Copyable {
  /// The value of `key`, valid until the section ends; `nil` if there is none. Of duplicates, the
  /// one that was inserted first.
  ///
  /// - Memory ordering: acquiring. *Pairs with* the full barrier before each insertion: the value
  ///   is seen as its writer left it.
  /// - Complexity: O(1) on average. No lock, no allocation, no reference counting but what `Key`'s
  ///   own `==` and `hash(into:)` do.
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

  /// Runs `body` with every value of `key`, in the order of their insertion.
  ///
  /// - Complexity: O(values of the key's hash).
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

  /// Runs `body` with every element, in no particular order.
  ///
  /// An element that is in the table during the whole walk is seen exactly once; of one that is
  /// replaced meanwhile, exactly one value. One that is added or removed meanwhile may be seen or
  /// not: a walk is not a snapshot. `body` may change the table.
  ///
  /// - Complexity: O(elements + buckets). The section stays open as long.
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
      // Safety: the section keeps the node, and nobody changes a key or a published value.
      // Coroutines as in Ref.
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

  /// An iterator at the first node of `key`, or at none. Inside a read section.
  ///
  /// cds_lfht compares the hash; the keys of nodes of that hash are compared here, so that no
  /// closure has to be called back.
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
