// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

// MARK: - Adding

extension RCUDomain.List where Element: ~Copyable {
  /// Adds an element after the last.
  ///
  /// - Memory ordering: releasing (`memory_order_release`). *Pairs with* the acquire of
  ///   ``Cursor/next()``: whoever finds the element sees it initialised.
  /// - Complexity: O(1) and one allocation, under the list's lock.
  /// - Source: `cds_list_add_tail_rcu`.
  @inlinable
  public borrowing func append(_ element: consuming Element) {
    let node = unsafe Node.allocate(element)
    lock.lock()
    defer { lock.unlock() }
    unsafe link(node, after: tail.load(ordering: .relaxed))
  }

  /// Adds an element before the first.
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

  /// Adds an element after the first that `matches`.
  ///
  /// - Returns: whether it was added; the element comes back if none matches.
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

  /// Adds an element before the first that `matches`.
  ///
  /// - Returns: whether it was added; the element comes back if none matches.
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
  /// - Returns: the element, if there was one. Dropping it destroys it after a grace period.
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

  /// Removes all elements that match, and gives each of them to `body`, retired, in the list's
  /// order.
  ///
  /// - Parameter matches: whether an element is to be removed; called under the list's lock.
  /// - Parameter body: runs after the list's lock was given back.
  /// - Returns: how many.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll(
    where matches: (borrowing Element) -> Bool,
    _ body: (consuming RCUDomain.Retired<Element>) -> Void
  ) -> Int {
    // Linked by `previous`, which readers don't look at, in the list's order.
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
  /// - Returns: how many.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll(where matches: (borrowing Element) -> Bool) -> Int {
    removeAll(where: matches) { $0.retire() }
  }

  /// Removes all elements. They are destroyed after a grace period.
  ///
  /// - Returns: how many.
  /// - Complexity: O(elements), under the list's lock.
  @inlinable
  @discardableResult
  public borrowing func removeAll() -> Int { removeAll { _ in true } }

  /// Puts an element in the place of the first that `matches`. A walk sees one or the other.
  ///
  /// - Returns: the old element, retired; or the new one back if none matches.
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
    // Relaxed: the lock orders what writers did before.
    var next = unsafe head.load(ordering: .relaxed)
    while let node = unsafe next {
      if matches(unsafe Node.element(node).pointee) { return unsafe node }
      unsafe next = Node.links(node).pointee.next.load(ordering: .relaxed)
    }
    return nil
  }

  /// Points what leads to the place after `previous`, the beginning if that is nil, to `node`.
  ///
  /// Releasing pairs with the acquire of readers: what they find there is initialised.
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

  /// Makes `previous` what comes before `next`, the end if that is nil.
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
    // The node is complete, its own link too, before it is published.
    unsafe Node.links(node).pointee.next.store(next, ordering: .relaxed)
    unsafe Node.links(node).pointee.previous = previous
    unsafe publish(node, after: previous)
    unsafe setPrevious(node, of: next)
    elementCount.wrappingAdd(1, ordering: .relaxed)
  }

  /// Takes `node` out. Its own link stays for the readers that stand on it.
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
