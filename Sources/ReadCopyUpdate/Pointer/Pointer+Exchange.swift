// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// Replaces the pointee and returns the old one, retired. Never waits.
  ///
  /// - Memory ordering: acquiring and releasing (`memory_order_acq_rel`). The release *pairs with*
  ///   the acquire of ``load(in:)``: whoever loads the new pointee sees it initialised. The acquire
  ///   pairs with the release of the exchange that put the old pointee there, so that it can be
  ///   destroyed by whoever holds the ``RCUDomain/Retired``.
  /// - Complexity: O(1) and one allocation.
  /// - Source: `rcu_xchg_pointer`.
  @inlinable
  public borrowing func exchange(_ pointee: consuming Pointee) -> RCUDomain.Retired<Pointee>? {
    unsafe retired(slot.exchange(pointee))
  }

  /// - Safety: `address` is what was taken out of the slot.
  @unsafe
  @inlinable
  borrowing func retired(_ address: UnsafeMutableRawPointer?) -> RCUDomain.Retired<Pointee>? {
    guard let address = unsafe address else { return nil }
    return unsafe RCUDomain.Retired(address)
  }
}

// MARK: - load or store

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// The pointee as of now; if there is none, makes one, and publishes it unless another thread
  /// comes first: then that one's, and this one is destroyed.
  ///
  /// - Parameter section: the section in which the reference is valid.
  /// - Parameter pointee: made where there is none, and perhaps in vain.
  /// - Memory ordering: as ``load(in:)`` and ``exchange(_:)``.
  /// - Complexity: O(1), one load; one allocation where there is none.
  @inlinable
  @_lifetime(copy section)
  public borrowing func load(
    in section: RCUDomain.ReadSection, orStore pointee: @autoclosure () -> Pointee
  ) -> RCUDomain.Ref<Pointee> {
    section.checkIsOpen()
    return unsafe RCUDomain.Ref(slot.load(orStore: pointee), in: section)
  }
}

// MARK: - compareExchange

extension RCUDomain {
  /// How a ``Pointer/compareExchange(expected:desired:)`` ended.
  public enum ExchangeResult<Pointee: ~Copyable & Sendable>: ~Copyable {
    /// The new pointee is in place. `old` is what was expected; `nil` where nothing was.
    case exchanged(old: Retired<Pointee>?)
    /// Another writer came first. The new pointee comes back, seen by nobody.
    case notExchanged(desired: Pointee)
  }
}

extension RCUDomain.ExchangeResult: Sendable where Pointee: ~Copyable {}

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// Replaces the pointee if it is still the one that was loaded, and returns the old one, retired.
  ///
  /// Addresses are compared, not values. Since `expected` was loaded in a section that is still
  /// open, its address can't have been freed and taken by another pointee meanwhile: there is no
  /// ABA.
  ///
  /// ```swift
  /// RCU.withReadSection { section in
  ///   guard let old = limit.load(in: section) else { return }
  ///   switch limit.compareExchange(expected: old, desired: Limit(old.value.count + 1)) {
  ///   case .exchanged: break
  ///   case .notExchanged: retry = true
  ///   }
  /// }
  /// ```
  ///
  /// - Parameter expected: what ``load(in:)`` gave; `nil` for a pointer to nothing.
  /// - Parameter desired: the new pointee.
  /// - Returns: the old pointee, or `desired` back if another writer came first. Waiting for the
  ///   old one's grace period, by `reclaim()` or `take()`, has to wait until the section has ended.
  /// - Memory ordering: acquiring and releasing (`memory_order_acq_rel`) where it exchanges, as
  ///   ``exchange(_:)``. The release *pairs with* the acquire of ``load(in:)``: whoever loads
  ///   `desired` sees it initialised. The acquire pairs with the release that put `expected` there,
  ///   so that it can be destroyed. Relaxed where it doesn't exchange: what was found instead is
  ///   not looked at; load it again.
  /// - Complexity: O(1) and one allocation, given back where it doesn't exchange.
  /// - Source: `rcu_cmpxchg_pointer`.
  @inlinable
  public borrowing func compareExchange(
    expected: RCUDomain.Ref<Pointee>?, desired: consuming Pointee
  ) -> RCUDomain.ExchangeResult<Pointee> {
    var old: UnsafeMutableRawPointer? = nil
    if let expected { unsafe old = expected.address }
    if let desired = unsafe slot.compareExchange(expected: old, desired: desired) {
      return .notExchanged(desired: desired)
    }
    return unsafe .exchanged(old: retired(old))
  }
}

// MARK: - update

extension RCUDomain.Pointer where Pointee: Sendable {
  /// Copies the pointee, lets `body` change the copy, and publishes it unless another writer came
  /// first; then it starts again with that writer's value. The copy-update of RCU.
  ///
  /// ```swift
  /// routes.update { $0[prefix] = nextHop }
  /// ```
  ///
  /// Equivalent to a loop of ``load(in:)``, a copy, and a compare-and-exchange.
  ///
  /// - Parameter body: may run more than once; runs inside a read section, hence doesn't block.
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
  /// ```swift
  /// counts.update(default: [:]) { $0[word, default: 0] += 1 }
  /// ```
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
      fatalError("Pointer.update: a default is always there")
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
        // The attempt's section has ended: past a limit, retiring waits for the reclaimer here.
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
    unsafe Flavor._enterReadSection()
    defer { unsafe Flavor._exitReadSection() }
    return unsafe try slot.update(orFrom: makePointee, body)
  }
}
