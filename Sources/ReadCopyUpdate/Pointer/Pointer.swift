// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A pointer that is read without locking and replaced while it is read.
  ///
  /// It owns its pointee. Replacing the pointee *retires* the old one: readers that hold a ``Ref``
  /// to it keep it until their sections end; then it is destroyed, on the reclaimer thread. The
  /// same holds for the pointee that is left when the pointer itself goes.
  ///
  /// - Threads: all operations from any thread; writers need no lock between them. Replacing a
  ///   pointee past ``RCUDomain/limits`` waits for the reclaimer, outside of sections, unless told
  ///   not to; dropping one, or the pointer, never waits. None in a signal handler but
  ///   ``load(in:)``.
  /// - Source: `rcu_dereference`, `rcu_assign_pointer`, `rcu_xchg_pointer`.
  @safe
  public struct Pointer<Pointee: ~Copyable & Sendable>: ~Copyable {
    // Written by store, clear, exchange, compareExchange and update; read by load.
    @usableFromInline
    let slot: _PointeeSlot<Pointee>

    /// Creates a pointer to `pointee`.
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
      // Whoever drops the pointer has the last access to it, but not to its pointee: a section
      // may hold a Ref. Acquiring pairs with the release of the store that put it there.
      guard let address = unsafe slot.load() else { return }
      // A pointee's own pointers go with it: where this one is tells whether it is one of them.
      unsafe Retired<Pointee>.defer(
        address, nil, additionalBytes: 0, mayWait: false, owner: slot.owner)
    }

    /// The pointee as of now, valid until the section ends; `nil` if there is none.
    ///
    /// - Memory ordering: acquiring (`memory_order_acquire`; a plain load on x86-64). *Pairs with*
    ///   the release of ``store(_:mayWait:)`` and ``exchange(_:)``. Guarantees that the pointee's
    ///   contents are seen as the writer left them. Without it a reader could see them half
    ///   initialised.
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
    /// - Parameter mayWait: whether to wait, past ``RCUDomain/limits``, for the reclaimer.
    /// - Precondition: where it may wait, the thread holds no lock that a deferred call or a
    ///   `deinit` takes.
    /// - Memory ordering: as ``exchange(_:)``.
    @inlinable
    public borrowing func store(_ pointee: consuming Pointee, mayWait: Bool = true) {
      exchange(pointee)?.retire(mayWait: mayWait)
    }

    /// Points to nothing; the old pointee is destroyed after a grace period.
    ///
    /// - Parameter mayWait: as ``store(_:mayWait:)``'s.
    @inlinable
    public borrowing func clear(mayWait: Bool = true) {
      unsafe retired(slot.exchange(address: nil))?.retire(mayWait: mayWait)
    }
  }
}

extension RCUDomain.Pointer: @unchecked Sendable where Pointee: ~Copyable {
  // Its slot is, and nothing else is in it.
}

/// The heap allocation behind a `Pointer`.
@usableFromInline
enum _PointeeBox<Pointee: ~Copyable> {
  /// What a grace period gives back, for the limits.
  @inlinable
  static var bytes: Int { MemoryLayout<Pointee>.size }

  @inlinable
  static func allocate(_ pointee: consuming Pointee) -> UnsafeMutableRawPointer {
    let box = UnsafeMutablePointer<Pointee>.allocate(capacity: 1)
    unsafe box.initialize(to: pointee)
    return UnsafeMutableRawPointer(box)
  }

  /// Destroys the pointee, whose memory is then to be freed. No reader can reach it any more.
  @inlinable
  static func deinitialize(_ address: UnsafeMutableRawPointer) {
    unsafe address.assumingMemoryBound(to: Pointee.self).deinitialize(count: 1)
    unsafe _poison(address, byteCount: bytes)
  }

  /// The same at once.
  @inlinable
  static func destroy(_ address: UnsafeMutableRawPointer) {
    unsafe deinitialize(address)
    unsafe address.deallocate()
  }

  /// Frees what is left when the pointee was moved out.
  @inlinable
  static func deallocate(_ address: UnsafeMutableRawPointer) {
    unsafe _poison(address, byteCount: bytes)
    unsafe address.deallocate()
  }
}
