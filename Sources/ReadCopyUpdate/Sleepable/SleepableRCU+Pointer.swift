// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _SystemShims

extension SleepableRCU {
  /// A pointer that is read without locking and replaced while it is read.
  ///
  /// It owns its pointee, belongs to one domain, and keeps that alive. Replacing the pointee
  /// *retires* the old one: it stays alive for readers that hold a ``Ref`` to it until their
  /// sections end, and is then destroyed. The same happens to the last pointee when the pointer
  /// itself is destroyed.
  ///
  /// - Threads: all operations may be called on any thread, and writers need no lock. For what
  ///   happens past ``SleepableRCU/limits``, see
  ///   ``SleepableRCU/afterGracePeriod(bytes:mayWait:_:)``.
  @safe
  public struct Pointer<Pointee: ~Copyable & Sendable>: ~Copyable {
    // Written by store, clear, exchange, compareExchange and update; read by load.
    @usableFromInline
    let slot: _PointeeSlot<Pointee>
    // Identifies the domain's sections. Stored here so that a load doesn't touch the domain's
    // object, whose cache line reference counting writes.
    @usableFromInline
    let domainAddress: UnsafeRawPointer
    @usableFromInline
    let domain: SleepableRCU

    /// Creates a pointer to `pointee`, read in sections of `domain`.
    ///
    /// - Complexity: O(1), and one allocation.
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
      // This is the last access to the pointer, but not to its pointee, to which a section may hold
      // a Ref. The acquire pairs with the release of the store that published it.
      guard let address = unsafe slot.load() else { return }
      unsafe Retired<Pointee>.defer(
        address, of: domain, additionalBytes: 0, mayWait: false, owner: slot.owner)
    }

    /// The current pointee, valid until the section ends; `nil` if there is none.
    ///
    /// - Precondition: `section` belongs to the pointer's domain.
    /// - Memory ordering: acquiring. *Pairs with* the release of ``store(_:mayWait:)`` and
    ///   ``exchange(_:)``. Guarantees that the reader sees the pointee's contents as the writer
    ///   left them. Without it, a reader could see them partly uninitialised.
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

    /// The current pointee. If there is none, makes one and publishes it; if another thread
    /// publishes one first, returns that one and destroys its own.
    ///
    /// - Precondition: `section` belongs to the pointer's domain.
    /// - Parameter section: the section in which the reference is valid.
    /// - Parameter pointee: called only if there is no pointee. Its result may be discarded.
    /// - Memory ordering: as ``load(in:)`` and ``exchange(_:)``.
    /// - Complexity: O(1), one load; one allocation if there is no pointee.
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
        "SleepableRCU.Pointer.load: the section belongs to another domain, which doesn't protect the pointee; open one of the pointer's domain"
      )
      section.checkIsOpen()
    }

    /// Replaces the pointee; the old one is destroyed after a grace period.
    ///
    /// - Parameter pointee: the new pointee.
    /// - Parameter mayWait: whether this may wait for the reclaimer past ``SleepableRCU/limits``,
    ///   if that can't deadlock.
    /// - Memory ordering: as ``exchange(_:)``.
    /// - Complexity: O(1) and one allocation, unless it waits.
    @inlinable
    public borrowing func store(_ pointee: consuming Pointee, mayWait: Bool = true) {
      exchange(pointee)?.retire(mayWait: mayWait)
    }

    /// Makes the pointer point to nothing; the old pointee is destroyed after a grace period.
    ///
    /// - Parameter mayWait: as for ``store(_:mayWait:)``.
    /// - Memory ordering: as ``exchange(_:)``.
    /// - Complexity: O(1), unless it waits.
    @inlinable
    public borrowing func clear(mayWait: Bool = true) {
      unsafe retired(slot.exchange(address: nil))?.retire(mayWait: mayWait)
    }

    /// Replaces the pointee and returns the old one, retired. Never waits.
    ///
    /// - Memory ordering: acquiring and releasing. The release *pairs with* the acquire of
    ///   ``load(in:)``: a reader that loads the new pointee sees it initialised. The acquire pairs
    ///   with the release that published the old pointee, so that the owner of the
    ///   ``SleepableRCU/Retired`` may destroy it.
    /// - Complexity: O(1) and one allocation.
    @inlinable
    public borrowing func exchange(_ pointee: consuming Pointee) -> Retired<Pointee>? {
      unsafe retired(slot.exchange(pointee))
    }

    /// Replaces the pointee if it is still the one that was loaded, and returns the old one,
    /// retired.
    ///
    /// This compares addresses, not values. There is no ABA problem: `expected` was loaded in a
    /// section that is still open, so its address can't have been freed and reused for another
    /// pointee.
    ///
    /// - Parameter expected: what ``load(in:)`` returned; `nil` to replace nothing.
    /// - Parameter desired: the new pointee.
    /// - Returns: the old pointee, or `desired` if another writer was faster.
    /// - Memory ordering: on success, as ``exchange(_:)``. On failure, relaxed: the pointee that
    ///   was found isn't read; load it again.
    /// - Complexity: O(1) and one allocation, which is freed on failure.
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

    /// - Safety: `address` was taken out of the slot.
    @unsafe
    @inlinable
    borrowing func retired(_ address: UnsafeMutableRawPointer?) -> Retired<Pointee>? {
      guard let address = unsafe address else { return nil }
      return unsafe Retired(address, of: domain)
    }
  }

  /// The outcome of a ``Pointer/compareExchange(expected:desired:)``.
  public enum ExchangeResult<Pointee: ~Copyable & Sendable>: ~Copyable {
    /// The new pointee is published. `old` is the expected one; `nil` if none was expected.
    case exchanged(old: Retired<Pointee>?)
    /// Another writer was faster. `desired` is returned; no reader has seen it.
    case notExchanged(desired: Pointee)
  }
}

extension SleepableRCU.ExchangeResult: Sendable where Pointee: ~Copyable {}

extension SleepableRCU.Pointer where Pointee: Sendable {
  /// Copies the pointee, lets `body` change the copy, and publishes it. If another writer was
  /// faster, starts again with that writer's value. This is the copy-update in read-copy update.
  ///
  /// - Parameter body: may run more than once. It runs inside a read section that can't suspend. If
  ///   it throws, nothing is changed. It traps if it replaces this pointer's pointee.
  /// - Returns: what `body` returned for the published change; `nil`, without calling `body`, if
  ///   the pointer points to nothing.
  /// - Memory ordering: as ``exchange(_:)``.
  /// - Complexity: O(copy), times the number of writers that collide.
  @inlinable
  @discardableResult
  public borrowing func update<R, E: Error>(
    _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R? {
    try update(orFrom: { nil }, body)
  }

  /// Like ``update(_:)``, but if the pointer points to nothing, changes and publishes the value of
  /// `pointee`.
  ///
  /// - Parameters:
  ///   - pointee: called only if there is no pointee. Its result may be discarded.
  ///   - body: as for ``update(_:)``.
  /// - Returns: what `body` returned for the published change.
  /// - Memory ordering: as ``exchange(_:)``.
  /// - Complexity: O(copy), times the number of writers that collide.
  @inlinable
  @discardableResult
  public borrowing func update<R, E: Error>(
    default pointee: @autoclosure () -> Pointee, _ body: (inout Pointee) throws(E) -> R
  ) throws(E) -> R {
    guard let result = try update(orFrom: pointee, body) else {
      fatalError("SleepableRCU.Pointer.update: there is always a default")
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
        // The attempt's section has ended, so retiring past a limit may wait for the reclaimer
        // here.
        unsafe retired(old)?.retire()
        return result
      }
    }
  }

  /// One attempt, in its own section.
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
  // Safety: the slot is Sendable, and the rest never changes.
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

    /// The value, borrowed in place.
    @inlinable
    @safe
    public var value: Value {
      // Safety: the section keeps the pointee alive, and a published pointee is never changed. A
      // coroutine for the reason given in RCUDomain.Ref.
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
