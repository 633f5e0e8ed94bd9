// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

extension RCUDomain.List where Element: ~Copyable {
  /// Calls `body` with every element, from the first to the last. See ``List`` for what a walk
  /// sees.
  ///
  /// - Memory ordering: as ``Cursor/next()``.
  /// - Complexity: O(elements), one load each. The section stays open for as long.
  @inlinable
  public borrowing func forEach<E: Error>(
    in section: RCUDomain.ReadSection, _ body: (RCUDomain.Ref<Element>) throws(E) -> Void
  ) throws(E) {
    var cursor = cursor(in: section)
    while let element = cursor.next() { try body(element) }
  }

  /// The first element that `matches`, valid until the section ends; `nil` if there is none.
  ///
  /// - Memory ordering: as ``Cursor/next()``.
  /// - Complexity: O(elements).
  @inlinable
  @_lifetime(copy section)
  public borrowing func first<E: Error>(
    in section: RCUDomain.ReadSection, where matches: (borrowing Element) throws(E) -> Bool
  ) throws(E) -> RCUDomain.Ref<Element>? {
    section.checkIsOpen()
    var next = unsafe head.load(ordering: .acquiring)
    while let node = unsafe next {
      if try matches(unsafe Node.element(node).pointee) {
        return unsafe RCUDomain.Ref(node, in: section)
      }
      unsafe next = Node.links(node).pointee.next.load(ordering: .acquiring)
    }
    return nil
  }

  /// A cursor that stands before the first element.
  ///
  /// ```swift
  /// var cursor = list.cursor(in: section)
  /// while let element = cursor.next() { print(element.value.name) }
  /// ```
  ///
  /// - Memory ordering: as ``Cursor/next()``.
  /// - Complexity: O(1), one load.
  @inlinable
  @inline(__always)
  @_lifetime(copy section)
  public borrowing func cursor(in section: RCUDomain.ReadSection) -> Cursor {
    section.checkIsOpen()
    return unsafe Cursor(head.load(ordering: .acquiring), in: section)
  }

  /// A position in a walk over a list, valid inside the read section in which it was made. A copy
  /// advances independently.
  @safe
  public struct Cursor: ~Escapable {
    @usableFromInline let section: RCUDomain.ReadSection
    // The node that `next` will return.
    @usableFromInline var upcoming: UnsafeMutableRawPointer?

    /// - Safety: `upcoming` was found in the list inside `section`.
    @usableFromInline
    @inline(__always)
    @_lifetime(copy section)
    @unsafe
    init(_ upcoming: UnsafeMutableRawPointer?, in section: RCUDomain.ReadSection) {
      self.section = section
      unsafe self.upcoming = upcoming
    }

    /// The next element, valid until the section ends; `nil` after the last.
    ///
    /// - Memory ordering: acquiring (`memory_order_acquire`). *Pairs with* the releasing store by
    ///   which a writer links a node. Guarantees that the element is seen as the writer left it.
    ///   Without it, a reader could see it partly uninitialised.
    /// - Complexity: O(1), one load.
    @inlinable
    @inline(__always)
    @_lifetime(copy self)
    public mutating func next() -> RCUDomain.Ref<Element>? {
      section.checkIsOpen()
      guard let node = unsafe upcoming else { return nil }
      unsafe upcoming = Node.links(node).pointee.next.load(ordering: .acquiring)
      return unsafe RCUDomain.Ref(node, in: section)
    }
  }
}

@available(*, unavailable, message: "a Cursor belongs to the read section of one thread")
extension RCUDomain.List.Cursor: Sendable where Element: ~Copyable {}
