// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

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
    // Written by store, clear, exchange, compareExchange and update; read by load.
    @usableFromInline
    let slot: _PointeeSlot<Pointee>
    // What a section of the domain carries; here, so that a load doesn't touch the domain's object,
    // whose line reference counting writes.
    @usableFromInline
    let domainAddress: UnsafeRawPointer
    @usableFromInline
    let domain: SleepableRCU

    /// Creates a pointer to `pointee`, read in sections of `domain`.
    @inlinable
    public init(_ pointee: consuming Pointee, protectedBy domain: SleepableRCU) {
      slot = _PointeeSlot(pointee)
      unsafe domainAddress = domain.counters.address
      self.domain = domain
    }

    /// Creates a pointer to nothing, read in sections of `domain`.
    @inlinable
    public init(protectedBy domain: SleepableRCU) {
      slot = _PointeeSlot()
      unsafe domainAddress = domain.counters.address
      self.domain = domain
    }

    deinit {
      // Whoever drops the pointer has the last access to it, but not to its pointee: a section
      // may hold a Ref. Acquiring pairs with the release of the store that put it there.
      guard let address = unsafe slot.load() else { return }
      unsafe Retired<Pointee>.defer(
        address, of: domain, additionalBytes: 0, mayWait: false, owner: slot.owner)
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
      check(section)
      guard let address = unsafe slot.load() else { return nil }
      return unsafe Ref(address, in: section)
    }

    /// The pointee as of now; if there is none, makes one, and publishes it unless another thread
    /// comes first: then that one's, and this one is destroyed.
    ///
    /// - Precondition: `section` is one of the pointer's domain.
    /// - Parameter section: the section in which the reference is valid.
    /// - Parameter pointee: made where there is none, and perhaps in vain.
    /// - Memory ordering: as ``load(in:)`` and ``exchange(_:)``.
    /// - Complexity: O(1), one load; one allocation where there is none.
    @inlinable
    @_lifetime(copy section)
    public borrowing func load(
      in section: ReadSection, orStore pointee: @autoclosure () -> Pointee
    ) -> Ref<Pointee> {
      check(section)
      return unsafe Ref(slot.load(orStore: pointee), in: section)
    }

    @inlinable
    @inline(__always)
    borrowing func check(_ section: borrowing ReadSection) {
      require(
        unsafe section.domain == domainAddress,
        "SleepableRCU.Pointer.load: the section is another domain's, which doesn't keep the pointee; open one of the pointer's domain"
      )
      section.checkIsOpen()
    }

    /// Replaces the pointee; the old one is destroyed after a grace period.
    ///
    /// - Parameter pointee: the new pointee.
    /// - Parameter mayWait: whether to wait, past ``SleepableRCU/limits``, for the reclaimer, where
    ///   that can't deadlock.
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

    /// Replaces the pointee and returns the old one, retired. Never waits.
    ///
    /// - Memory ordering: acquiring and releasing. The release *pairs with* the acquire of
    ///   ``load(in:)``: whoever loads the new pointee sees it initialised. The acquire pairs with
    ///   the release of the exchange that put the old pointee there, so that it can be destroyed by
    ///   whoever holds the ``SleepableRCU/Retired``.
    /// - Complexity: O(1) and one allocation.
    @inlinable
    public borrowing func exchange(_ pointee: consuming Pointee) -> Retired<Pointee>? {
      unsafe retired(slot.exchange(pointee))
    }

    /// Replaces the pointee if it is still the one that was loaded, and returns the old one,
    /// retired.
    ///
    /// Addresses are compared, not values. Since `expected` was loaded in a section that is still
    /// open, its address can't have been freed and taken by another pointee meanwhile: there is no
    /// ABA.
    ///
    /// - Parameter expected: what ``load(in:)`` gave; `nil` for a pointer to nothing.
    /// - Parameter desired: the new pointee.
    /// - Returns: the old pointee, or `desired` back if another writer came first.
    /// - Memory ordering: as ``exchange(_:)`` where it exchanges, else relaxed: what was found
    ///   instead is not looked at; load it again.
    /// - Complexity: O(1) and one allocation, given back where it doesn't exchange.
    @inlinable
    public borrowing func compareExchange(
      expected: Ref<Pointee>?, desired: consuming Pointee
    ) -> ExchangeResult<Pointee> {
      var old: UnsafeMutableRawPointer? = nil
      if let expected { unsafe old = expected.address }
      if let desired = unsafe slot.compareExchange(expected: old, desired: desired) {
        return .notExchanged(desired: desired)
      }
      return unsafe .exchanged(old: retired(old))
    }

    /// - Safety: `address` is what was taken out of the slot.
    @unsafe
    @inlinable
    borrowing func retired(_ address: UnsafeMutableRawPointer?) -> Retired<Pointee>? {
      guard let address = unsafe address else { return nil }
      return unsafe Retired(address, of: domain)
    }
  }

  /// How a ``Pointer/compareExchange(expected:desired:)`` ended.
  public enum ExchangeResult<Pointee: ~Copyable & Sendable>: ~Copyable {
    /// The new pointee is in place. `old` is what was expected; `nil` where nothing was.
    case exchanged(old: Retired<Pointee>?)
    /// Another writer came first. The new pointee comes back, seen by nobody.
    case notExchanged(desired: Pointee)
  }
}

extension SleepableRCU.ExchangeResult: Sendable where Pointee: ~Copyable {}

extension SleepableRCU.Pointer where Pointee: Sendable {
  /// Copies the pointee, lets `body` change the copy, and publishes it unless another writer came
  /// first; then it starts again with that writer's value. The copy-update of RCU.
  ///
  /// - Parameter body: may run more than once; runs inside a read section that can't suspend.
  ///   If it throws, nothing is changed. Replacing this pointer's pointee in it is a trap.
  /// - Returns: what `body` returned of the change that was published; `nil`, without calling
  ///   `body`, if the pointer points to nothing.
  /// - Memory ordering: as ``exchange(_:)``.
  /// - Complexity: O(copy), times the number of writers that collide.
  @inlinable
  @discardableResult
  public borrowing func update<R, E: Error>(
    _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R? {
    try update(orFrom: { nil }, body)
  }

  /// As ``update(_:)``, and where the pointer points to nothing, changes and publishes what
  /// `pointee` gives.
  ///
  /// - Parameters:
  ///   - pointee: made where there is none, and perhaps in vain.
  ///   - body: as ``update(_:)``'s.
  /// - Returns: what `body` returned of the change that was published.
  /// - Memory ordering: as ``exchange(_:)``.
  /// - Complexity: O(copy), times the number of writers that collide.
  @inlinable
  @discardableResult
  public borrowing func update<R, E: Error>(
    default pointee: @autoclosure () -> Pointee, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R {
    guard let result = try update(orFrom: pointee, body) else {
      fatalError("SleepableRCU.Pointer.update: a default is always there")
    }
    return result
  }

  @inlinable
  borrowing func update<R, E: Error>(
    orFrom makePointee: () -> Pointee?, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R? {
    while true {
      switch unsafe try updateOnce(orFrom: makePointee, body) {
      case .empty: return nil
      case .collided: continue
      case .replaced(let old, let result):
        // The attempt's section has ended: past a limit, retiring may wait for the reclaimer here.
        unsafe retired(old)?.retire()
        return result
      }
    }
  }

  /// One attempt, in a section of its own.
  @inlinable
  @unsafe
  borrowing func updateOnce<R, E: Error>(
    orFrom makePointee: () -> Pointee?, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> _UpdateAttempt<R> {
    let counters = domain.counters
    var record = unsafe sysshims_thread_section()
    return try unsafe withUnsafeMutablePointer(to: &record) {
      (record) throws(E) -> _UpdateAttempt<R> in
      unsafe sysshims_thread_section_opens(record, counters.address)
      let half = counters.begin()
      defer {
        counters.end(half)
        unsafe sysshims_thread_section_ends(record)
      }
      return unsafe try slot.update(orFrom: makePointee, body)
    }
  }
}

extension SleepableRCU.Pointer: @unchecked Sendable where Pointee: ~Copyable {
  // Its slot is, and the rest never changes.
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
