// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

extension SleepableRCU {
  /// A pointer that is read without locking and replaced while it is read.
  ///
  /// It owns its pointee, and belongs to one domain, which it keeps. Replacing the pointee
  /// *retires* the old one: readers that hold a ``Ref`` to it keep it until their sections end;
  /// then it is destroyed. The same holds for the pointee that is left when the pointer itself
  /// goes.
  ///
  /// - Threads: all operations from any thread; writers need no lock between them. What happens
  ///   past ``SleepableRCU/limits`` is told at ``SleepableRCU/afterGracePeriod(bytes:mayWait:_:)``.
  @safe
  public struct Pointer<Pointee: ~Copyable & Sendable>: ~Copyable {
    // Written by store, clear, exchange and update; read by load.
    // The address of one heap allocation that holds a Pointee, or nil.
    @usableFromInline
    let storage: Atomic<UnsafeMutableRawPointer?>
    // What a section of the domain carries; here, so that a load doesn't touch the domain's object,
    // whose line reference counting writes.
    @usableFromInline
    let domainAddress: UnsafeRawPointer
    @usableFromInline
    let domain: SleepableRCU

    /// Creates a pointer to `pointee` in `domain`.
    @inlinable
    public init(_ pointee: consuming Pointee, in domain: SleepableRCU) {
      unsafe storage = Atomic(_PointeeBox<Pointee>.allocate(pointee))
      unsafe domainAddress = domain.counters.address
      self.domain = domain
    }

    /// Creates a pointer to nothing in `domain`.
    @inlinable
    public init(in domain: SleepableRCU) {
      unsafe storage = Atomic(nil)
      unsafe domainAddress = domain.counters.address
      self.domain = domain
    }

    deinit {
      // Whoever drops the pointer has the last access to it, but not to its pointee: a section
      // may hold a Ref. Acquiring pairs with the release of the store that put it there.
      guard let address = unsafe storage.load(ordering: .acquiring) else { return }
      // As in RCUDomain.Pointer.
      let owner = unsafe withUnsafePointer(to: storage) { UInt(bitPattern: $0) }
      unsafe Retired<Pointee>.defer(
        address, of: domain, additionalBytes: 0, mayWait: false, owner: owner)
    }

    /// The pointee as of now, valid until the section ends; `nil` if there is none.
    ///
    /// - Precondition: `section` is one of the pointer's domain.
    /// - Memory ordering: acquiring. *Pairs with* the release of ``store(_:mayWait:)`` and
    ///   ``exchange(_:)``. Guarantees that the pointee's contents are seen as the writer left them.
    ///   Without it a reader could see them half initialised.
    /// - Complexity: O(1), one load and one comparison.
    /// - Source: `srcu_dereference`.
    @inlinable
    @inline(__always)
    @_lifetime(copy section)
    public borrowing func load(in section: ReadSection) -> Ref<Pointee>? {
      require(
        unsafe section.domain == domainAddress,
        "SleepableRCU.Pointer.load: the section is another domain's, which doesn't keep the pointee; open one of the pointer's domain"
      )
      section.checkIsOpen()
      guard let address = unsafe storage.load(ordering: .acquiring) else { return nil }
      return unsafe Ref(address, in: section)
    }

    /// Replaces the pointee; the old one is destroyed after a grace period.
    ///
    /// - Parameter mayWait: whether to wait, past ``SleepableRCU/limits``, for the reclaimer, where that can't
    ///   deadlock.
    /// - Memory ordering: as ``exchange(_:)``.
    @inlinable
    public borrowing func store(_ pointee: consuming Pointee, mayWait: Bool = true) {
      unsafe exchangeAddress(_PointeeBox<Pointee>.allocate(pointee))?.retire(mayWait: mayWait)
    }

    /// Points to nothing; the old pointee is destroyed after a grace period.
    ///
    /// - Parameter mayWait: as ``store(_:mayWait:)``'s.
    @inlinable
    public borrowing func clear(mayWait: Bool = true) {
      unsafe exchangeAddress(nil)?.retire(mayWait: mayWait)
    }

    /// Replaces the pointee and returns the old one, retired. Never waits.
    ///
    /// - Memory ordering: acquiring and releasing. The release *pairs with* the acquire of
    ///   ``load(in:)``: whoever loads the new pointee sees it initialised. The acquire pairs with
    ///   the release of the exchange that put the old pointee there, so that it can be destroyed by
    ///   whoever holds the ``SleepableRCU/Retired``.
    /// - Complexity: O(1) and one allocation.
    @inlinable
    public borrowing func exchange(_ pointee: consuming Pointee) -> Retired<Pointee>? {
      unsafe exchangeAddress(_PointeeBox<Pointee>.allocate(pointee))
    }

    @inlinable
    borrowing func exchangeAddress(_ new: UnsafeMutableRawPointer?) -> Retired<Pointee>? {
      guard let old = unsafe storage.exchange(new, ordering: .acquiringAndReleasing) else {
        return nil
      }
      return unsafe Retired(old, of: domain)
    }
  }
}

extension SleepableRCU.Pointer: @unchecked Sendable where Pointee: ~Copyable {
  // All access to `storage` is atomic, the pointee is Sendable, and the rest never changes.
}

extension SleepableRCU {
  /// A value behind a ``Pointer``, valid inside the read section that loaded it, across its
  /// `await`s.
  ///
  /// It can be copied and passed on inside the section; storing, returning, capturing or sending it
  /// is a compile error. Nothing is retained or copied: ``value`` reads the pointee in place.
  @safe
  public struct Ref<Value: ~Copyable & Sendable>: ~Escapable {
    @usableFromInline
    let address: UnsafeMutableRawPointer
    #if DEBUG
      @usableFromInline let section: ReadSection
    #endif

    /// - Safety: `address` holds a `Value` that stays initialised until `section` ends.
    @usableFromInline
    @inline(__always)
    @_lifetime(copy section)
    @unsafe
    init(_ address: UnsafeMutableRawPointer, in section: ReadSection) {
      unsafe self.address = address
      #if DEBUG
        self.section = section
      #endif
    }

    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        section.checkIsOpen()
      #endif
    }

    /// The value, in place.
    @inlinable
    @safe
    public var value: Value {
      // Safety: the section keeps the pointee, and nobody changes a published pointee.
      // A coroutine for the reason given at RCUDomain.Ref.
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe address.assumingMemoryBound(to: Value.self).pointee
      }
    }
  }
}

@available(*, unavailable, message: "a Ref belongs to the read section of one task or thread")
extension SleepableRCU.Ref: Sendable where Value: ~Copyable {}
