// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

// MARK: - Adding

extension RCUDomain.List where Element: ~Copyable {
  /// Adds an element at the end.
  ///
  /// - Memory ordering: releasing (`memory_order_release`). *Pairs with* the acquire of
  ///   ``Cursor/next()``: a reader that finds the element sees it initialised.
  /// - Complexity: O(1) and one allocation, under the list's lock.
  /// - Source: `cds_list_add_tail_rcu`.
  @inlinable
  public borrowing func append(_ element: consuming Element) {
    let node = unsafe Node.allocate(element)
    lock.lock()
    defer { lock.unlock() }
    unsafe link(node, after: tail.load(ordering: .relaxed))
  }

  /// Adds an element at the beginning.
  ///
  /// - Memory ordering, complexity: as ``append(_:)``.
  /// - Source: `cds_list_add_rcu`.
  @inlinable
  public borrowing func prepend(_ element: consuming Element) {
    let node = unsafe Node.allocate(element)
    lock.lock()
    defer { lock.unlock() }
    unsafe link(node, after: nil)
  }

  /// Adds an element after the first one that `matches`.
  ///
  /// - Returns: whether the element was added, and the element itself if no other matches.
  /// - Memory ordering: as ``append(_:)``.
  /// - Complexity: O(elements) and one allocation, under the list's lock.
  @inlinable
  public borrowing func insert(
    _ element: consuming Element, afterFirstWhere matches: (borrowing Element) -> Bool
  ) -> RCUDomain.InsertionResult<Element> {
    let node = unsafe Node.allocate(element)
    lock.lock()
    let place = unsafe find(matches)
    if let place = unsafe place { unsafe link(node, after: place) }
    lock.unlock()
    return unsafe place == nil ? .notInserted(Node.takeBack(node)) : .inserted
  }

  /// Adds an element before the first one that `matches`.
  ///
  /// - Returns: whether the element was added, and the element itself if no other matches.
  /// - Memory ordering: as ``append(_:)``.
  /// - Complexity: O(elements) and one allocation, under the list's lock.
  @inlinable
  public borrowing func insert(
    _ element: consuming Element, beforeFirstWhere matches: (borrowing Element) -> Bool
  ) -> RCUDomain.InsertionResult<Element> {
    let node = unsafe Node.allocate(element)
    lock.lock()
    let place = unsafe find(matches)
    if let place = unsafe place { unsafe link(node, after: Node.links(place).pointee.previous) }
    lock.unlock()
    return unsafe place == nil ? .notInserted(Node.takeBack(node)) : .inserted
  }
}

// MARK: - Removing and replacing

extension RCUDomain.List where Element: ~Copyable {
  /// Removes the first element that `matches`.
  ///
  /// - Returns: the element, if one matches. Dropping it destroys it after a grace period.
  /// - Complexity: O(elements), under the list's lock.
  /// - Source: `cds_list_del_rcu`.
  @inlinable
  @discardableResult
  public borrowing func removeFirst(
    where matches: (borrowing Element) -> Bool
  ) -> RCUDomain.Retired<Element>? {
    Flavor._waitBelowLimit()
    lock.lock()
    let node = unsafe find(matches)
    if let node = unsafe node { unsafe unlink(node) }
    lock.unlock()
    guard let node = unsafe node else { return nil }
    return unsafe RCUDomain.Retired(node, node: Node.retired)
  }

  /// Removes all elements that match, and passes each of them to `body`, retired, in list order.
  ///
  /// - Parameter matches: whether to remove an element; called under the list's lock.
  /// - Parameter body: called after the list's lock has been released.
  /// - Returns: the number of removed elements.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll(
    where matches: (borrowing Element) -> Bool,
    _ body: (consuming RCUDomain.Retired<Element>) -> Void
  ) -> Int {
    // Linked by `previous`, which readers don't use, in list order.
    var removed: UnsafeMutableRawPointer? = nil
    var lastRemoved: UnsafeMutableRawPointer? = nil
    lock.lock()
    var next = unsafe head.load(ordering: .relaxed)
    while let node = unsafe next {
      unsafe next = Node.links(node).pointee.next.load(ordering: .relaxed)
      guard matches(unsafe Node.element(node).pointee) else { continue }
      unsafe unlink(node)
      unsafe Node.links(node).pointee.previous = nil
      if let last = unsafe lastRemoved {
        unsafe Node.links(last).pointee.previous = node
      } else {
        unsafe removed = node
      }
      unsafe lastRemoved = node
    }
    lock.unlock()
    var count = 0
    while let node = unsafe removed {
      unsafe removed = Node.links(node).pointee.previous
      count += 1
      body(unsafe RCUDomain.Retired(node, node: Node.retired))
    }
    return count
  }

  /// Removes all elements that match. They are destroyed after a grace period.
  ///
  /// - Returns: the number of removed elements.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll(where matches: (borrowing Element) -> Bool) -> Int {
    removeAll(where: matches) { $0.retire() }
  }

  /// Removes all elements. They are destroyed after a grace period.
  ///
  /// - Returns: the number of removed elements.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll() -> Int { removeAll { _ in true } }

  /// Replaces the first element that `matches`. A walk sees the old or the new one, never both or
  /// neither.
  ///
  /// - Returns: the old element, retired; the new one if none matches.
  /// - Memory ordering: as ``append(_:)``.
  /// - Complexity: O(elements) and one allocation, under the list's lock.
  /// - Source: `cds_list_replace_rcu`.
  @inlinable
  public borrowing func replaceFirst(
    where matches: (borrowing Element) -> Bool, with element: consuming Element
  ) -> RCUDomain.Replacement<Element> {
    Flavor._waitBelowLimit()
    let node = unsafe Node.allocate(element)
    lock.lock()
    let old = unsafe find(matches)
    if let old = unsafe old { unsafe replace(old, with: node) }
    lock.unlock()
    guard let old = unsafe old else { return unsafe .notFound(new: Node.takeBack(node)) }
    return unsafe .replaced(old: RCUDomain.Retired(old, node: Node.retired))
  }
}

// MARK: - Links, under the lock

extension RCUDomain.List where Element: ~Copyable {
  @inlinable
  borrowing func find(_ matches: (borrowing Element) -> Bool) -> UnsafeMutableRawPointer? {
    // Relaxed: the lock orders this after other writers' stores.
    var next = unsafe head.load(ordering: .relaxed)
    while let node = unsafe next {
      if matches(unsafe Node.element(node).pointee) { return unsafe node }
      unsafe next = Node.links(node).pointee.next.load(ordering: .relaxed)
    }
    return nil
  }

  /// Makes the link after `previous`, or the list's beginning if that is nil, point to `node`.
  ///
  /// The release pairs with the acquire of readers, which find `node` initialised.
  @inlinable
  borrowing func publish(
    _ node: UnsafeMutableRawPointer?, after previous: UnsafeMutableRawPointer?
  ) {
    if let previous = unsafe previous {
      unsafe Node.links(previous).pointee.next.store(node, ordering: .releasing)
    } else {
      unsafe head.store(node, ordering: .releasing)
    }
  }

  /// Makes `previous` the predecessor of `next`, or the last node if `next` is nil.
  @inlinable
  borrowing func setPrevious(
    _ previous: UnsafeMutableRawPointer?, of next: UnsafeMutableRawPointer?
  ) {
    if let next = unsafe next {
      unsafe Node.links(next).pointee.previous = previous
    } else {
      unsafe tail.store(previous, ordering: .relaxed)
    }
  }

  @inlinable
  borrowing func link(
    _ node: UnsafeMutableRawPointer, after previous: UnsafeMutableRawPointer?
  ) {
    let next: UnsafeMutableRawPointer?
    if let previous = unsafe previous {
      unsafe next = Node.links(previous).pointee.next.load(ordering: .relaxed)
    } else {
      unsafe next = head.load(ordering: .relaxed)
    }
    // The node, including its own link, must be complete before it is published.
    unsafe Node.links(node).pointee.next.store(next, ordering: .relaxed)
    unsafe Node.links(node).pointee.previous = previous
    unsafe publish(node, after: previous)
    unsafe setPrevious(node, of: next)
    elementCount.wrappingAdd(1, ordering: .relaxed)
  }

  /// Removes `node` from the list. Its own link stays intact for readers that stand on it.
  @inlinable
  borrowing func unlink(_ node: UnsafeMutableRawPointer) {
    let next = unsafe Node.links(node).pointee.next.load(ordering: .relaxed)
    let previous = unsafe Node.links(node).pointee.previous
    unsafe publish(next, after: previous)
    unsafe setPrevious(previous, of: next)
    elementCount.wrappingSubtract(1, ordering: .relaxed)
  }

  @inlinable
  borrowing func replace(_ old: UnsafeMutableRawPointer, with node: UnsafeMutableRawPointer) {
    let next = unsafe Node.links(old).pointee.next.load(ordering: .relaxed)
    let previous = unsafe Node.links(old).pointee.previous
    unsafe Node.links(node).pointee.next.store(next, ordering: .relaxed)
    unsafe Node.links(node).pointee.previous = previous
    unsafe publish(node, after: previous)
    unsafe setPrevious(node, of: next)
  }
}
