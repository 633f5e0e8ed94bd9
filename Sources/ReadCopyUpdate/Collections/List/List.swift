// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

extension RCUDomain {
  /// A doubly linked list that is walked without locking while writers change it.
  ///
  /// ```swift
  /// let listeners = RCU.List<Listener>()
  /// listeners.append(Listener(port: 80))
  /// RCU.withReadSection { section in
  ///   listeners.forEach(in: section) { $0.value.notify() }
  /// }
  /// listeners.removeFirst { $0.port == 80 }  // destroyed after a grace period
  /// ```
  ///
  /// It owns its elements. One that is removed or replaced comes back as ``Retired``; readers that
  /// hold a ``Ref`` to it, or stand on it in a walk, go on until their sections end. What is left
  /// when the list goes is destroyed after a grace period.
  ///
  /// **What a walk sees.** Every element that is in the list from the walk's beginning to its end,
  /// exactly once and in the list's order. Of an element that is replaced meanwhile, the old one or
  /// the new one, not both. One that is added or removed meanwhile it may see or not. A walk is not
  /// a snapshot: it may see a later change and not an earlier one.
  ///
  /// - Threads: all operations from any thread. Writers exclude one another with the list's own
  ///   lock; readers take none. A predicate of a writer runs under that lock: it must not change
  ///   the list, which traps, nor wait.
  /// - Source: `cds_list_add_rcu` and its like, Linux `list_for_each_entry_rcu`.
  @safe
  public struct List<Element: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Element, _ListLinks>

    // The first node. Written under `lock`, read by all.
    @usableFromInline let head: Atomic<UnsafeMutableRawPointer?>
    // The last node. Written and read under `lock`; atomic because a list is changed by borrowers.
    @usableFromInline let tail: Atomic<UnsafeMutableRawPointer?>
    // Written under `lock`, read by all.
    @usableFromInline let elementCount = Atomic(0)
    @usableFromInline let lock = _WriterLock()

    /// Creates an empty list.
    @inlinable
    public init() {
      unsafe head = Atomic(nil)
      unsafe tail = Atomic(nil)
    }

    deinit {
      // Whoever drops the list has the last access to it, but sections may hold Refs.
      guard let first = unsafe head.load(ordering: .acquiring) else { return }
      let bytes = elementCount.load(ordering: .relaxed) * Node.byteCount
      unsafe Flavor._retire(
        _Retirement(bytes: bytes, object: first) { first in
          var next = unsafe first
          while let node = unsafe next {
            // Acquiring pairs with the release of the writer that linked the next node.
            unsafe next = Node.links(node).pointee.next.load(ordering: .acquiring)
            unsafe Node.deinitialize(node)
            unsafe node.deallocate()
          }
        }, mayWait: false, owner: 0)
    }

    /// How many elements the list holds, as of some instant of the call.
    ///
    /// - Memory ordering: relaxed. *Pairs with* nothing: a number, which says nothing of elements.
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { elementCount.load(ordering: .relaxed) }

    /// Whether ``count`` is zero.
    @inlinable
    public var isEmpty: Bool { count == 0 }
  }
}

extension RCUDomain.List: @unchecked Sendable where Element: ~Copyable {
  // All that readers look at is atomic, writers hold `lock`, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == _ListLinks {
  /// A node that nobody knows yet.
  @inlinable
  static func allocate(_ element: consuming Element) -> UnsafeMutableRawPointer {
    unsafe allocate(element, _ListLinks())
  }

  @inlinable
  @inline(__always)
  static func links(_ node: UnsafeMutableRawPointer) -> UnsafeMutablePointer<_ListLinks> {
    unsafe trailer(node)
  }
}

@safe
@usableFromInline
struct _ListLinks: ~Copyable {
  // Written under the list's lock, read by all. A removed node keeps it: readers that stand on the
  // node go on into the list.
  @usableFromInline let next: Atomic<UnsafeMutableRawPointer?>
  // Of the list's writers, under its lock. Readers walk forwards only.
  @usableFromInline var previous: UnsafeMutableRawPointer?

  @inlinable
  init() {
    unsafe next = Atomic(nil)
    unsafe previous = nil
  }
}
