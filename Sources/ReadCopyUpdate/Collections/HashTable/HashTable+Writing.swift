// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

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
  /// - Memory ordering: releasing. *Pairs with* the acquire of ``lookup(_:in:)``: a reader that
  ///   finds the value sees it initialised.
  /// - Complexity: O(1) on average, and one allocation if the key has no value.
  @inlinable
  public borrowing func insert(
    _ value: consuming Value, forKey key: Key
  ) -> RCUDomain.InsertionResult<Value> {
    let hash = key.hashValue
    unsafe Flavor._enterReadSection()
    if unsafe find(key, hash: hash) != nil {
      unsafe Flavor._exitReadSection()
      return .notInserted(value)
    }
    let node = unsafe Node.allocate(value, _HashTableTrailer(key, hash: hash))
    let present = unsafe insert(node, key, hash: hash)
    unsafe leave(count: present == nil ? 1 : 0, hash: hash)
    if unsafe present != nil { return unsafe .notInserted(Node.takeBack(node)) }
    return .inserted
  }

  /// Adds a value besides those that the key already has. ``forEachValue(forKey:in:_:)`` finds them
  /// all; ``lookup(_:in:)`` and the calls that replace or remove use one of them.
  ///
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average, and one allocation; with duplicates, O(values of the key). Each
  ///   duplicate takes a line of 64 bytes of its own, unless other keys share it.
  @inlinable
  public borrowing func addDuplicate(_ value: consuming Value, forKey key: Key) {
    let hash = key.hashValue
    let node = unsafe Node.allocate(value, _HashTableTrailer(key, hash: hash))
    unsafe Flavor._enterReadSection()
    unsafe storage.pointee.append(node, hash: hash)
    unsafe leave(count: 1, hash: hash)
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
  /// - Complexity: O(1) on average and one allocation, times the number of writers that collide on
  ///   the key.
  @inlinable
  @discardableResult
  public borrowing func updateValue(
    _ value: consuming Value, forKey key: Key
  ) -> RCUDomain.Retired<Value>? {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    let node = unsafe Node.allocate(value, _HashTableTrailer(key, hash: hash))
    unsafe Flavor._enterReadSection()
    var old = unsafe find(key, hash: hash)
    while true {
      if let found = unsafe old {
        if unsafe storage.pointee.exchange(found, hash: hash, with: node) { break }
        // Another writer has removed or replaced it meanwhile.
        unsafe old = find(key, hash: hash)
      } else {
        unsafe old = insert(node, key, hash: hash)
        if unsafe old == nil { break }
      }
    }
    unsafe leave(count: old == nil ? 1 : 0, hash: hash)
    guard let old = unsafe old else { return nil }
    return unsafe RCUDomain.Retired(old, node: Node.retired)
  }

  /// Replaces the key's value, if it has one. A lookup sees the old or the new value, never
  /// neither.
  ///
  /// - Returns: the old value, or the first of several; if there was none, the new one.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average and one allocation, times the number of writers that collide on
  ///   the key.
  @inlinable
  public borrowing func replaceValue(
    forKey key: Key, with value: consuming Value
  ) -> RCUDomain.Replacement<Value> {
    replaceValue(forKey: key, with: value) { _ in true }
  }

  /// Adds a node, unless the key has one.
  ///
  /// - Returns: the key's node; nil if `node` was added.
  /// - Safety: inside a read section; `node` isn't published.
  @inlinable
  @unsafe
  borrowing func insert(
    _ node: UnsafeMutableRawPointer, _ key: Key, hash: Int
  ) -> UnsafeMutableRawPointer? {
    var known = _KnownNodes()
    while let other = unsafe storage.pointee.insert(node, hash: hash, unlike: known) {
      if unsafe Node.trailer(other).pointee.key == key { return unsafe other }
      unsafe known.append(other)
    }
    return nil
  }

  /// Leaves the read section in which the table was changed, and does what the change makes
  /// necessary.
  ///
  /// - Parameter change: by how many elements the table has grown.
  /// - Parameter hash: that of the element.
  /// - Safety: inside a section that the caller doesn't leave.
  @inlinable
  @inline(__always)
  @unsafe
  borrowing func leave(count change: Int, hash: Int) {
    if change != 0 { unsafe count(change, hash: hash) }
    unsafe Flavor._exitReadSection()
  }

  /// Counts an element that was added or removed, and lets the table grow or shrink.
  ///
  /// - Safety: inside a read section.
  @inlinable
  @inline(__always)
  @unsafe
  borrowing func count(_ change: Int, hash: Int) {
    let outgrown = unsafe storage.pointee.count(change, hash: hash)
    if outgrown != 0 { RCUDomain.retire(_TableArray(outgrown)) }
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
  @inlinable
  @discardableResult
  public borrowing func removeValue(forKey key: Key) -> RCUDomain.Retired<Value>? {
    removeValue(forKey: key) { _ in true }
  }

  /// Removes all elements that are in the table when this is called. Some of those that are added
  /// meanwhile may stay.
  ///
  /// - Returns: the number of removed elements, which are destroyed after a grace period.
  /// - Complexity: O(elements + buckets), in one section.
  @inlinable
  @discardableResult
  public borrowing func removeAll() -> Int { removeAll { _ in true } }
}
