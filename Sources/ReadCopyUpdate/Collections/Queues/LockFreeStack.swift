// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

extension RCUDomain {
  /// A stack that any number of threads push to and pop from without a lock.
  ///
  /// A popped element is returned as ``Retired``, since another thread may still read it through
  /// ``top(in:)`` or in a pop of its own. If nobody looks at the top, and one owner consumes the
  /// elements, use ``ConcurrentQueue``, which needs no grace period.
  ///
  /// **Why a grace period.** A pop reads which node comes second, and then makes that node the
  /// first if the first is unchanged. If the first node had meanwhile been popped, freed, and
  /// pushed again at the same address, that would put a wrong node on top (ABA). Inside a read
  /// section, no node that the pop has seen is freed, so no address can return.
  ///
  /// - Threads: all operations may be called on any thread; with a ``ThreadRegisteringFlavor``, a
  ///   thread that pops must be registered.
  /// - Source: `lfstack`.
  @safe
  public struct LockFreeStack<Element: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Element, rcushims_stack_node>

    // One word at a stable address, as C requires.
    @usableFromInline let stack: UnsafeMutablePointer<rcushims_stack>

    /// Creates an empty stack.
    ///
    /// - Complexity: O(1), and one allocation.
    @inlinable
    public init() {
      unsafe stack = .allocate(capacity: 1)
      unsafe stack.initialize(to: rcushims_stack())
    }

    deinit {
      // This is the last access to the stack, but sections may hold Refs.
      let first = unsafe rcushims_stack_pop_all(stack)
      unsafe stack.deallocate()
      guard let first = unsafe first else { return }
      let remains = unsafe ChainRemains(Node.start(of: first)) { node in
        let next = unsafe Node.trailer(node).pointee.next
        unsafe Node.deinitialize(node)
        unsafe node.deallocate()
        return unsafe next.map { unsafe Node.start(of: $0) }
      }
      // Counting the elements would take as long as there are many: one stands for all.
      unsafe RCUDomain.destroyInPortions(bytes: Node.byteCount) { remains.destroyPortion() }
    }

    /// Pushes an element. Lock-free.
    ///
    /// - Memory ordering: a full barrier before the push. *Pairs with* the acquire of ``top(in:)``,
    ///   ``pop()`` and ``popAll(_:)``: a thread that gets the element sees it initialised.
    /// - Complexity: O(1) and one allocation, times the number of threads that collide.
    /// - Source: `cds_lfs_push`.
    @inlinable
    public borrowing func push(_ element: consuming Element) {
      unsafe rcushims_stack_push(stack, Node.allocate(element))
    }

    /// Pops the top element. Lock-free.
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

    /// Pops all elements in one step, and passes each of them to `body`, retired, from the last
    /// pushed to the first. Wait-free, except for `body`.
    ///
    /// - Returns: the number of popped elements.
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

    /// Pops all elements in one step. They are destroyed after a grace period.
    ///
    /// - Returns: the number of popped elements.
    /// - Complexity: O(elements).
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

    /// Whether the stack was empty at some moment during the call.
    ///
    /// - Complexity: O(1), one load.
    @inlinable
    public var isEmpty: Bool { unsafe rcushims_stack_top(stack) == nil }
  }
}

extension RCUDomain.LockFreeStack: @unchecked Sendable where Element: ~Copyable {
  // Safety: liburcu's stack is made for sharing, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == rcushims_stack_node {
  /// Allocates a node that isn't on a stack yet, and returns the address of its link.
  @inlinable
  static func allocate(_ element: consuming Element) -> UnsafeMutablePointer<rcushims_stack_node> {
    unsafe trailer(allocate(element, rcushims_stack_node()))
  }
}
