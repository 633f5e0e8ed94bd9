// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A pointer that is read without locking and replaced while it is read.
  ///
  /// It owns its pointee. Replacing the pointee *retires* the old one: it stays alive for readers
  /// that hold a ``Ref`` to it until their sections end, and is then destroyed on the reclaimer
  /// thread. The same happens to the last pointee when the pointer itself is destroyed.
  ///
  /// - Threads: all operations may be called on any thread, and writers need no lock. Past
  ///   ``RCUDomain/limits``, replacing a pointee waits for the reclaimer, unless inside a section
  ///   or told not to wait; destroying the pointer or a ``RCUDomain/Retired`` never waits. In a
  ///   signal handler, only ``load(in:)`` is allowed.
  /// - Source: `rcu_dereference`, `rcu_assign_pointer`, `rcu_xchg_pointer`.
  @safe
  public struct Pointer<Pointee: ~Copyable & Sendable>: ~Copyable {
    // Written by store, clear, exchange, compareExchange and update; read by load.
    @usableFromInline
    let slot: _PointeeSlot<Pointee>

    /// Creates a pointer to `pointee`.
    ///
    /// - Complexity: O(1), and one allocation.
    @inlinable
    public init(_ pointee: consuming Pointee) {
      slot = _PointeeSlot(pointee)
    }

    /// Creates a pointer to nothing.
    @inlinable
    public init() {
      slot = _PointeeSlot()
    }

    deinit {
      // This is the last access to the pointer, but not to its pointee, to which a section may hold
      // a Ref. The acquire pairs with the release of the store that published it.
      guard let address = unsafe slot.load() else { return }
      // A pointee's own pointers are destroyed with it; this pointer's address tells whether it is
      // one of those.
      unsafe Retired<Pointee>.defer(
        address, nil, additionalBytes: 0, mayWait: false, owner: slot.owner)
    }

    /// The current pointee, valid until the section ends; `nil` if there is none.
    ///
    /// - Memory ordering: acquiring (`memory_order_acquire`; a plain load on x86-64). *Pairs with*
    ///   the release of ``store(_:mayWait:)`` and ``exchange(_:)``. Guarantees that the reader sees
    ///   the pointee's contents as the writer left them. Without it, a reader could see them partly
    ///   uninitialised.
    /// - Threads: any that may read, and signal handlers on them.
    /// - Complexity: O(1), one load.
    @inlinable
    @inline(__always)
    @_lifetime(copy section)
    public borrowing func load(in section: ReadSection) -> Ref<Pointee>? {
      section.checkIsOpen()
      guard let address = unsafe slot.load() else { return nil }
      return unsafe Ref(address, in: section)
    }

    /// Replaces the pointee; the old one is destroyed after a grace period.
    ///
    /// - Parameter pointee: the new pointee.
    /// - Parameter mayWait: whether this may wait for the reclaimer past ``RCUDomain/limits``.
    /// - Precondition: if this may wait, the thread holds no lock that a deferred call or a
    ///   `deinit` takes.
    /// - Threads: any. Inside a section it never waits.
    /// - Memory ordering: as ``exchange(_:)``.
    /// - Complexity: O(1) and one allocation, unless it waits.
    /// - Source: `rcu_assign_pointer`.
    @inlinable
    public borrowing func store(_ pointee: consuming Pointee, mayWait: Bool = true) {
      exchange(pointee)?.retire(mayWait: mayWait)
    }

    /// Makes the pointer point to nothing; the old pointee is destroyed after a grace period.
    ///
    /// - Parameter mayWait: as for ``store(_:mayWait:)``, whose precondition, threads and ordering
    ///   apply.
    /// - Complexity: O(1), unless it waits.
    @inlinable
    public borrowing func clear(mayWait: Bool = true) {
      unsafe retired(slot.exchange(address: nil))?.retire(mayWait: mayWait)
    }
  }
}

extension RCUDomain.Pointer: @unchecked Sendable where Pointee: ~Copyable {
  // Safety: the slot is Sendable, and the only stored property.
}

/// The heap allocation behind a `Pointer`.
@usableFromInline
enum _PointeeBox<Pointee: ~Copyable> {
  /// The bytes that destroying the pointee gives back; counted for the limits.
  @inlinable
  static var bytes: Int { MemoryLayout<Pointee>.size }

  @inlinable
  static func allocate(_ pointee: consuming Pointee) -> UnsafeMutableRawPointer {
    let box = UnsafeMutablePointer<Pointee>.allocate(capacity: 1)
    unsafe box.initialize(to: pointee)
    return UnsafeMutableRawPointer(box)
  }

  /// Destroys the pointee, but doesn't free its memory. No reader can reach it any more.
  @inlinable
  static func deinitialize(_ address: UnsafeMutableRawPointer) {
    unsafe address.assumingMemoryBound(to: Pointee.self).deinitialize(count: 1)
    unsafe _poison(address, byteCount: bytes)
  }

  /// Destroys the pointee and frees its memory at once.
  @inlinable
  static func destroy(_ address: UnsafeMutableRawPointer) {
    unsafe deinitialize(address)
    unsafe address.deallocate()
  }

  /// Frees the memory of a pointee that was moved out.
  @inlinable
  static func deallocate(_ address: UnsafeMutableRawPointer) {
    unsafe _poison(address, byteCount: bytes)
    unsafe address.deallocate()
  }
}
