// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

extension RCUDomain {
  /// The outcome of replacing an element of a collection.
  public enum Replacement<Value: ~Copyable & Sendable>: ~Copyable {
    /// The new value has replaced `old`.
    case replaced(old: Retired<Value>)
    /// There was nothing to replace. The new value is returned; no reader has seen it.
    case notFound(new: Value)
  }
}

extension RCUDomain.Replacement: Sendable where Value: ~Copyable {}

extension RCUDomain {
  /// The outcome of inserting into a collection.
  public enum InsertionResult<Value: ~Copyable & Sendable>: ~Copyable {
    /// The value is in the collection.
    case inserted
    /// The collection is unchanged. The value is returned; no reader has seen it.
    case notInserted(Value)
  }
}

extension RCUDomain.InsertionResult: Sendable where Value: ~Copyable {}

extension RCUDomain.InsertionResult where Value: ~Copyable {
  /// Whether the value is in the collection.
  @inlinable
  public var isInserted: Bool {
    switch self {
    case .inserted: true
    case .notInserted: false
    }
  }
}

// MARK: - Adding

extension RCUDomain.HashTable where Value: ~Copyable {
  /// Adds a value, unless the key already has one; then the table stays unchanged.
  ///
  /// ```swift
  /// if case .notInserted(let session) = sessions.insert(session, forKey: id) { session.close() }
  /// ```
  ///
  /// - Returns: whether the value was added, and the value itself if not. To replace the old value,
  ///   use ``updateValue(_:forKey:)``; to keep both, ``addDuplicate(_:forKey:)``.
  /// - Memory ordering: a full barrier before the insertion. *Pairs with* the acquire of
  ///   ``lookup(_:in:)``: a reader that finds the value sees it initialised.
  /// - Complexity: O(1) on average, and one allocation.
  /// - Source: `cds_lfht_add_unique`.
  @inlinable
  public borrowing func insert(
    _ value: consuming Value, forKey key: Key
  ) -> RCUDomain.InsertionResult<Value> {
    let hash = key.hashValue
    let link = unsafe Node.allocate(value, key)
    unsafe Flavor._enterReadSection()
    let present = unsafe _withMatcher(of: { unsafe Node.trailer(of: $0).pointee.key == key }) {
      matcher in
      unsafe rcushims_table_add_unique(table, UInt(bitPattern: hash), matcher, link)
    }
    unsafe Flavor._exitReadSection()
    guard unsafe present != link else {
      core.count(1, hash: hash)
      return .inserted
    }
    return unsafe .notInserted(takeBack(link))
  }

  /// Adds a value besides those that the key already has. ``forEachValue(forKey:in:_:)`` finds them
  /// all; ``lookup(_:in:)`` and the calls that replace or remove use one of them.
  ///
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average, and one allocation.
  /// - Source: `cds_lfht_add`.
  @inlinable
  public borrowing func addDuplicate(_ value: consuming Value, forKey key: Key) {
    let hash = key.hashValue
    let link = unsafe Node.allocate(value, key)
    unsafe Flavor._enterReadSection()
    unsafe rcushims_table_add(table, UInt(bitPattern: hash), link)
    unsafe Flavor._exitReadSection()
    core.count(1, hash: hash)
  }

  @available(
    *, unavailable, renamed: "insert(_:forKey:)", message: "the result says whether it was inserted"
  )
  public borrowing func insertUnique(_ value: consuming Value, forKey key: Key) -> Value? {
    fatalError()
  }

  /// Adds a value, or replaces the key's old value. A lookup sees one or the other, never neither.
  ///
  /// - Returns: the old value, if there was one; if there were duplicates, the first.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average, and one allocation.
  /// - Source: `cds_lfht_add_replace`.
  @inlinable
  @discardableResult
  public borrowing func updateValue(
    _ value: consuming Value, forKey key: Key
  ) -> RCUDomain.Retired<Value>? {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    let link = unsafe Node.allocate(value, key)
    unsafe Flavor._enterReadSection()
    let old = unsafe _withMatcher(of: { unsafe Node.trailer(of: $0).pointee.key == key }) {
      matcher in
      unsafe rcushims_table_add_replace(table, UInt(bitPattern: hash), matcher, link)
    }
    unsafe Flavor._exitReadSection()
    guard let old = unsafe old else {
      core.count(1, hash: hash)
      return nil
    }
    return unsafe retire(old)
  }

  /// Replaces the key's value, if it has one. A lookup sees the old or the new value, never
  /// neither.
  ///
  /// - Returns: the old value, or the first of several; if there was none, the new one.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average and one allocation, times the number of writers that collide on
  ///   the key.
  /// - Source: `cds_lfht_replace`.
  @inlinable
  public borrowing func replaceValue(
    forKey key: Key, with value: consuming Value
  ) -> RCUDomain.Replacement<Value> {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    let link = unsafe Node.allocate(value, key)
    unsafe Flavor._enterReadSection()
    var iterator = unsafe find(key, hash: hash)
    while unsafe iterator.node != nil
      && !rcushims_table_replace(table, &iterator, UInt(bitPattern: hash), link)
    {
      // Another writer has removed or replaced it meanwhile.
      unsafe iterator = find(key, hash: hash)
    }
    unsafe Flavor._exitReadSection()
    guard let old = unsafe iterator.node else {
      return unsafe .notFound(new: takeBack(link))
    }
    return unsafe .replaced(old: retire(old))
  }
}

// MARK: - Removing

extension RCUDomain.HashTable where Value: ~Copyable {
  /// Removes the key and its value; if the key has duplicates, the first.
  ///
  /// - Returns: the value, if there was one. Dropping it destroys it after a grace period. Past
  ///   ``RCUDomain/limits``, and outside of sections, this waits for the reclaimer before it
  ///   removes anything; so do all calls that replace or remove.
  /// - Precondition: outside of sections, the thread holds no lock that a deferred call or a
  ///   `deinit` takes.
  /// - Memory ordering: acquiring: the value is seen as its writer left it.
  /// - Complexity: O(1) on average, times the number of writers that collide on the key.
  /// - Source: `cds_lfht_del`.
  @inlinable
  @discardableResult
  public borrowing func removeValue(forKey key: Key) -> RCUDomain.Retired<Value>? {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    unsafe Flavor._enterReadSection()
    var link = unsafe find(key, hash: hash).node
    while let found = unsafe link, unsafe !rcushims_table_delete(table, found) {
      // Another writer has removed or replaced it meanwhile.
      unsafe link = find(key, hash: hash).node
    }
    unsafe Flavor._exitReadSection()
    guard let link = unsafe link else { return nil }
    core.count(-1, hash: hash)
    return unsafe retire(link)
  }

  /// Removes all elements that are in the table when this is called. Some of those that are added
  /// meanwhile may stay.
  ///
  /// - Returns: the number of removed elements, which are destroyed after a grace period.
  /// - Complexity: O(elements + buckets), in one section.
  @inlinable
  @discardableResult
  public borrowing func removeAll() -> Int {
    Flavor._waitBelowLimit()
    var removed = 0
    unsafe Flavor._enterReadSection()
    defer { unsafe Flavor._exitReadSection() }
    var iterator = unsafe cds_lfht_iter()
    unsafe rcushims_table_first(table, &iterator)
    while let link = unsafe iterator.node {
      if unsafe rcushims_table_delete(table, link) {
        removed += 1
        core.count(-1, hash: unsafe Node.trailer(of: link).pointee.key.hashValue)
        _ = unsafe retire(link)
      }
      unsafe rcushims_table_next(table, &iterator)
    }
    return removed
  }

  /// - Safety: the caller has removed `link` from the table.
  @inlinable
  @unsafe
  borrowing func retire(
    _ link: UnsafeMutablePointer<cds_lfht_node>
  ) -> RCUDomain.Retired<Value> {
    unsafe RCUDomain.Retired(Node.start(of: link), node: Node.retired)
  }

  /// Takes the value out of a node that wasn't published, and frees the node.
  @inlinable
  @unsafe
  borrowing func takeBack(_ link: UnsafeMutablePointer<cds_lfht_node>) -> Value {
    unsafe Node.takeBack(Node.start(of: link))
  }
}

/// Passes `matches` to C.
///
/// Generic only over the result of `body`: C calls a single function, which finds the closure by
/// its address.
@usableFromInline
@unsafe
func _withMatcher<R>(
  of matches: (UnsafeMutablePointer<cds_lfht_node>) -> Bool,
  _ body: (UnsafePointer<rcushims_matcher>) -> R
) -> R {
  unsafe withoutActuallyEscaping(matches) { closure in
    var closure = unsafe closure
    return unsafe withUnsafeMutablePointer(to: &closure) { address in
      var matcher = unsafe rcushims_matcher(
        matches: { context, node in
          // Safety: `context` is `address`, which outlives the call.
          let closure = unsafe context.assumingMemoryBound(
            to: ((UnsafeMutablePointer<cds_lfht_node>) -> Bool).self)
          return unsafe closure.pointee(node)
        }, context: address)
      return unsafe withUnsafePointer(to: &matcher, body)
    }
  }
}
