// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Changes that depend on what is in the table. A value in the table never changes, so a condition
// that held for it still holds when it is replaced or removed; and these calls replace or remove
// the very value that they have looked at, or begin again.

extension RCUDomain.HashTable where Value: ~Copyable {
  /// Removes the first value of the key that satisfies a condition.
  ///
  /// ```swift
  /// sessions.removeValue(forKey: 17) { $0.lastUse < deadline }
  /// ```
  ///
  /// A value that another thread puts in place of one that satisfied the condition is looked at in
  /// turn.
  ///
  /// `condition` is called in a read section, without a lock.
  ///
  /// - Returns: as ``removeValue(forKey:)``, whose precondition and memory ordering hold.
  /// - Throws: what `condition` throws; nothing is removed then.
  /// - Complexity: O(1) on average, times the number of writers that collide on the key.
  @inlinable
  @discardableResult
  public borrowing func removeValue<E: Error>(
    forKey key: Key, where condition: (borrowing Value) throws(E) -> Bool
  ) throws(E) -> RCUDomain.Retired<Value>? {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    unsafe Flavor._enterReadSection()
    var isRemoved = false
    defer { unsafe leave(count: isRemoved ? -1 : 0, hash: hash) }
    while true {
      let node = try unsafe find(key, hash: hash) { node throws(E) in
        try unsafe condition(Node.element(node).pointee)
      }
      guard let node = unsafe node else { return nil }
      guard unsafe storage.pointee.exchange(node, hash: hash, with: nil) else { continue }
      isRemoved = true
      return unsafe RCUDomain.Retired(node, node: Node.retired)
    }
  }

  /// Removes this value, unless it was removed or replaced since it was looked up.
  ///
  /// The value is one of the key, found in a section that is still open. Another value that is
  /// equal to it isn't removed.
  ///
  /// - Returns: the value if it was removed, as ``removeValue(forKey:)``.
  /// - Complexity: O(1) on average.
  @inlinable
  @discardableResult
  public borrowing func removeValue(
    _ value: RCUDomain.Ref<Value>, forKey key: Key
  ) -> RCUDomain.Retired<Value>? {
    value.checkIsOpen()
    let hash = key.hashValue
    unsafe Flavor._enterReadSection()
    let isRemoved = unsafe storage.pointee.exchange(value.address, hash: hash, with: nil)
    unsafe leave(count: isRemoved ? -1 : 0, hash: hash)
    guard isRemoved else { return nil }
    return unsafe RCUDomain.Retired(value.address, node: Node.retired)
  }

  /// Removes the elements that satisfy a condition, in one walk.
  ///
  /// ```swift
  /// sessions.removeAll { $0.value.lastUse < deadline }
  /// ```
  ///
  /// A value that replaces one while the walk goes on is never removed unless `condition` was
  /// called with it: what was refreshed meanwhile stays.
  ///
  /// - Parameter condition: is called in a read section, without a lock.
  /// - Returns: the number of removed elements, which are destroyed after a grace period.
  /// - Throws: what `condition` throws; what was removed before stays removed.
  /// - Complexity: O(elements + buckets), in one section.
  @inlinable
  @discardableResult
  public borrowing func removeAll<E: Error>(
    where condition: (Entry) throws(E) -> Bool
  ) throws(E) -> Int {
    Flavor._waitBelowLimit()
    return try RCUDomain.withReadSection { section throws(E) -> Int in
      var removed = 0
      let array = unsafe storage.pointee.array
      for index in 0..<array.count {
        try unsafe forEachNode(inBucket: index, of: array) { node throws(E) in
          guard try condition(unsafe Entry(node, in: section)) else { return }
          let hash = unsafe Node.trailer(node).pointee.hash
          guard unsafe storage.pointee.exchange(node, hash: hash, with: nil) else { return }
          removed += 1
          unsafe count(-1, hash: hash)
          _ = unsafe RCUDomain.Retired<Value>(node, node: Node.retired)
        }
      }
      return removed
    }
  }

  /// Replaces the first value of the key that satisfies a condition. A lookup sees the old or the
  /// new value, never neither.
  ///
  /// `condition` is called in a read section, without a lock.
  ///
  /// - Returns: the old value; if there was none, the new one.
  /// - Throws: what `condition` throws; nothing is replaced then, and the new value is destroyed.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: as ``replaceValue(forKey:with:)``.
  @inlinable
  public borrowing func replaceValue<E: Error>(
    forKey key: Key, with value: consuming Value,
    where condition: (borrowing Value) throws(E) -> Bool
  ) throws(E) -> RCUDomain.Replacement<Value> {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    let node = unsafe Node.allocate(value, _HashTableTrailer(key, hash: hash))
    unsafe Flavor._enterReadSection()
    defer { unsafe Flavor._exitReadSection() }
    while true {
      let old: UnsafeMutableRawPointer?
      do throws(E) {
        unsafe old = try find(key, hash: hash) { node throws(E) in
          try unsafe condition(Node.element(node).pointee)
        }
      } catch {
        _ = unsafe Node.takeBack(node)
        throw error
      }
      guard let old = unsafe old else { return unsafe .notFound(new: Node.takeBack(node)) }
      if unsafe storage.pointee.exchange(old, hash: hash, with: node) {
        return unsafe .replaced(old: RCUDomain.Retired(old, node: Node.retired))
      }
      // Another writer has removed or replaced it meanwhile.
    }
  }

  /// Replaces this value, unless it was removed or replaced since it was looked up.
  ///
  /// The value is one of the key, found in a section that is still open. Another value that is
  /// equal to it isn't replaced.
  ///
  /// - Returns: the old value, or the new one if nothing was replaced.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: O(1) on average, and one allocation.
  @inlinable
  public borrowing func replaceValue(
    _ value: RCUDomain.Ref<Value>, forKey key: Key, with new: consuming Value
  ) -> RCUDomain.Replacement<Value> {
    value.checkIsOpen()
    let hash = key.hashValue
    let node = unsafe Node.allocate(new, _HashTableTrailer(key, hash: hash))
    unsafe Flavor._enterReadSection()
    let isReplaced = unsafe storage.pointee.exchange(value.address, hash: hash, with: node)
    unsafe Flavor._exitReadSection()
    guard isReplaced else { return unsafe .notFound(new: Node.takeBack(node)) }
    return unsafe .replaced(old: RCUDomain.Retired(value.address, node: Node.retired))
  }

  /// Gives the key a value that depends on the one that it has.
  ///
  /// ```swift
  /// hits.updateValue(forKey: page) { old in (old?.value ?? 0) + 1 }
  /// ```
  ///
  /// `makeValue` is called with the key's value, the first of several, or `nil`; in a read section,
  /// without a lock. It is called again if another writer has changed that value meanwhile, so no
  /// update is lost.
  ///
  /// - Returns: the old value, if there was one.
  /// - Throws: what `makeValue` throws; the table is unchanged then.
  /// - Memory ordering: as ``insert(_:forKey:)``.
  /// - Complexity: that of `makeValue`, one allocation and O(1) on average, times the number of
  ///   writers that collide on the key.
  @inlinable
  @discardableResult
  public borrowing func updateValue<E: Error>(
    forKey key: Key, _ makeValue: (RCUDomain.Ref<Value>?) throws(E) -> Value
  ) throws(E) -> RCUDomain.Retired<Value>? {
    Flavor._waitBelowLimit()
    let hash = key.hashValue
    return try RCUDomain.withReadSection { section throws(E) -> RCUDomain.Retired<Value>? in
      while true {
        if let old = unsafe find(key, hash: hash) {
          let new = try makeValue(unsafe RCUDomain.Ref(old, in: section))
          let node = unsafe Node.allocate(new, _HashTableTrailer(key, hash: hash))
          if unsafe storage.pointee.exchange(old, hash: hash, with: node) {
            return unsafe RCUDomain.Retired(old, node: Node.retired)
          }
          _ = unsafe Node.takeBack(node)
        } else {
          let new = try makeValue(nil)
          let node = unsafe Node.allocate(new, _HashTableTrailer(key, hash: hash))
          if unsafe insert(node, key, hash: hash) == nil {
            unsafe count(1, hash: hash)
            return nil
          }
          _ = unsafe Node.takeBack(node)
        }
      }
    }
  }

  /// The value for `key`, which is added if there is none. Of several threads that do this at the
  /// same time, all get the same value.
  ///
  /// ```swift
  /// let session = sessions.lookup(17, in: section) { Session(user: "ada") }
  /// ```
  ///
  /// `makeValue` is called at most once, without a lock. Its value is destroyed if another thread
  /// adds one meanwhile.
  ///
  /// - Throws: what `makeValue` throws.
  /// - Memory ordering: as ``lookup(_:in:)`` and ``insert(_:forKey:)``.
  /// - Complexity: as these.
  @inlinable
  @_lifetime(copy section)
  public borrowing func lookup<E: Error>(
    _ key: Key, in section: RCUDomain.ReadSection, orInsert makeValue: () throws(E) -> Value
  ) throws(E) -> RCUDomain.Ref<Value> {
    section.checkIsOpen()
    let hash = key.hashValue
    if let node = unsafe find(key, hash: hash) { return unsafe RCUDomain.Ref(node, in: section) }
    let node = unsafe Node.allocate(try makeValue(), _HashTableTrailer(key, hash: hash))
    if let present = unsafe insert(node, key, hash: hash) {
      _ = unsafe Node.takeBack(node)
      return unsafe RCUDomain.Ref(present, in: section)
    }
    unsafe count(1, hash: hash)
    return unsafe RCUDomain.Ref(node, in: section)
  }
}
