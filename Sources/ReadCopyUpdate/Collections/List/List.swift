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
  /// It owns its elements. An element that is removed or replaced is returned as ``Retired``.
  /// Readers that hold a ``Ref`` to it, or stand on it in a walk, may go on until their sections
  /// end. The elements that are left when the list is destroyed are destroyed after a grace period.
  ///
  /// **What a walk sees.** It sees every element that is in the list during the whole walk exactly
  /// once, in list order. If an element is replaced meanwhile, it sees the old one or the new one,
  /// not both. An element that is added or removed meanwhile may or may not be seen. A walk is not
  /// a snapshot: it may see a later change but not an earlier one.
  ///
  /// - Threads: all operations may be called on any thread. Writers exclude one another with the
  ///   list's own lock; readers take no lock. A predicate passed to a writer runs under that lock.
  ///   It traps if it changes the list, and it must not wait.
  /// - Source: `cds_list_add_rcu` and similar, Linux `list_for_each_entry_rcu`.
  @safe
  public struct List<Element: ~Copyable & Sendable>: ~Copyable {
    @usableFromInline typealias Node = _Node<Element, _ListLinks>

    // The first node. Written under `lock`; read by all threads.
    @usableFromInline let head: Atomic<UnsafeMutableRawPointer?>
    // The last node. Read and written under `lock`; atomic because a borrowed list can be changed.
    @usableFromInline let tail: Atomic<UnsafeMutableRawPointer?>
    // Written under `lock`; read by all threads.
    @usableFromInline let elementCount = Atomic(0)
    @usableFromInline let lock = _WriterLock()

    /// Creates an empty list.
    @inlinable
    public init() {
      unsafe head = Atomic(nil)
      unsafe tail = Atomic(nil)
    }

    deinit {
      // This is the last access to the list, but sections may hold Refs.
      guard let first = unsafe head.load(ordering: .acquiring) else { return }
      let bytes = elementCount.load(ordering: .relaxed) * Node.byteCount
      let remains = unsafe ChainRemains(first) { node in
        // The acquire pairs with the release of the writer that linked the next node.
        let next = unsafe Node.links(node).pointee.next.load(ordering: .acquiring)
        unsafe Node.deinitialize(node)
        unsafe node.deallocate()
        return unsafe next
      }
      RCUDomain.destroyInPortions(bytes: bytes) { remains.destroyPortion() }
    }

    /// The number of elements at some moment during the call.
    ///
    /// - Memory ordering: relaxed. *Pairs with* nothing: the number says nothing about the
    ///   elements.
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { elementCount.load(ordering: .relaxed) }

    /// Whether ``count`` is zero.
    @inlinable
    public var isEmpty: Bool { count == 0 }
  }
}

extension RCUDomain.List: @unchecked Sendable where Element: ~Copyable {
  // Safety: everything that readers use is atomic, writers hold `lock`, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == _ListLinks {
  /// Allocates a node that isn't published yet.
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
  // Written under the list's lock; read by all threads. A removed node keeps its link, so that
  // readers that stand on it get back into the list.
  @usableFromInline let next: Atomic<UnsafeMutableRawPointer?>
  // Only for the list's writers, under its lock. Readers walk only forwards.
  @usableFromInline var previous: UnsafeMutableRawPointer?

  @inlinable
  init() {
    unsafe next = Atomic(nil)
    unsafe previous = nil
  }
}
