// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

extension RCUDomain {
  /// A stack that any number of threads push to and pop from without a lock.
  ///
  /// A popped element comes back as ``Retired``: another thread may be looking at it, as
  /// ``top(in:)`` or in a pop of its own. Where elements are consumed by one owner and nobody looks
  /// at the top, ``ConcurrentQueue`` needs no grace period.
  ///
  /// **Why a grace period.** A pop reads which node comes second, then exchanges the first for it
  /// if that is still the first. If the first had been popped meanwhile, freed, and pushed again at
  /// the same address, the exchange would put a wrong second on top (ABA). Within a read section no
  /// node that it has seen is freed, so that an address can't come back.
  ///
  /// - Threads: all operations from any thread; with a ``ThreadRegisteringFlavor``, a thread that
  ///   pops must be registered.
  /// - Source: `lfstack`.
  @safe
  public struct LockFreeStack<Element: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Element, rcushims_stack_node>

    // One word, at an address of its own: C needs one.
    @usableFromInline let stack: UnsafeMutablePointer<rcushims_stack>

    /// Creates an empty stack.
    @inlinable
    public init() {
      unsafe stack = .allocate(capacity: 1)
      unsafe stack.initialize(to: rcushims_stack())
    }

    deinit {
      // Whoever drops the stack has the last access to it, but sections may hold Refs.
      let first = unsafe rcushims_stack_pop_all(stack)
      unsafe stack.deallocate()
      guard let first = unsafe first else { return }
      var bytes = 0
      var next = unsafe Optional(first)
      while let link = unsafe next {
        unsafe bytes += Node.byteCount
        unsafe next = link.pointee.next
      }
      unsafe Flavor._retire(
        _Retirement(bytes: bytes, object: Node.start(of: first)) { first in
          var next = unsafe Optional(Node.trailer(first.unsafelyUnwrapped))
          while let link = unsafe next {
            unsafe next = link.pointee.next
            let node = unsafe Node.start(of: link)
            unsafe Node.deinitialize(node)
            unsafe node.deallocate()
          }
        }, mayWait: false, owner: 0)
    }

    /// Puts an element on top. Lock-free.
    ///
    /// - Memory ordering: a full barrier before. *Pairs with* the acquire of ``top(in:)``,
    ///   ``pop()`` and ``popAll(_:)``: who gets the element sees it initialised.
    /// - Complexity: O(1) and one allocation, times the number of threads that collide.
    /// - Source: `cds_lfs_push`.
    @inlinable
    public borrowing func push(_ element: consuming Element) {
      unsafe rcushims_stack_push(stack, Node.allocate(element))
    }

    /// Takes the top. Lock-free.
    ///
    /// - Returns: the element that was pushed last, if there is one. Dropping it destroys it after
    ///   a grace period.
    /// - Memory ordering: acquiring and releasing. *Pairs with* ``push(_:)``.
    /// - Complexity: O(1), times the number of threads that collide.
    /// - Source: `__cds_lfs_pop`.
    @inlinable
    @discardableResult
    public borrowing func pop() -> RCUDomain.Retired<Element>? {
      Flavor._waitBelowLimit()
      unsafe Flavor._enterReadSection()
      let link = unsafe rcushims_stack_pop(stack)
      unsafe Flavor._exitReadSection()
      guard let link = unsafe link else { return nil }
      return unsafe RCUDomain.Retired(Node.start(of: link), node: Node.retired)
    }

    /// Takes all elements in one step and gives each of them to `body`, retired, from the last
    /// pushed to the first. Wait-free but for `body`.
    ///
    /// - Returns: how many.
    /// - Memory ordering: as ``pop()``.
    /// - Complexity: O(elements).
    /// - Source: `__cds_lfs_pop_all`.
    @inlinable
    @discardableResult
    public borrowing func popAll(_ body: (consuming RCUDomain.Retired<Element>) -> Void) -> Int {
      var count = 0
      var next = unsafe rcushims_stack_pop_all(stack)
      while let link = unsafe next {
        unsafe next = link.pointee.next
        count += 1
        body(unsafe RCUDomain.Retired(Node.start(of: link), node: Node.retired))
      }
      return count
    }

    /// Takes all elements in one step. They are destroyed after a grace period.
    @inlinable
    @discardableResult
    public borrowing func popAll() -> Int { popAll { $0.retire() } }

    /// The element that was pushed last, valid until the section ends; `nil` if there is none.
    ///
    /// - Memory ordering: acquiring (`memory_order_acquire`). *Pairs with* ``push(_:)``.
    /// - Complexity: O(1), one load.
    @inlinable
    @_lifetime(copy section)
    public borrowing func top(in section: RCUDomain.ReadSection) -> RCUDomain.Ref<Element>? {
      section.checkIsOpen()
      guard let link = unsafe rcushims_stack_top(stack) else { return nil }
      return unsafe RCUDomain.Ref(Node.start(of: link), in: section)
    }

    /// Whether there was no element at some instant of the call.
    @inlinable
    public var isEmpty: Bool { unsafe rcushims_stack_top(stack) == nil }
  }
}

extension RCUDomain.LockFreeStack: @unchecked Sendable where Element: ~Copyable {
  // liburcu's stack is made to be shared, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == rcushims_stack_node {
  /// A node that nobody knows yet, by its link.
  @inlinable
  static func allocate(_ element: consuming Element) -> UnsafeMutablePointer<rcushims_stack_node> {
    unsafe trailer(allocate(element, rcushims_stack_node()))
  }
}
