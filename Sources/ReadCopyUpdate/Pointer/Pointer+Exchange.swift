// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// Replaces the pointee and returns the old one, retired. Never waits.
  ///
  /// - Memory ordering: acquiring and releasing (`memory_order_acq_rel`). The release *pairs with*
  ///   the acquire of ``load(in:)``: a reader that loads the new pointee sees it initialised. The
  ///   acquire pairs with the release that published the old pointee, so that the owner of the
  ///   ``RCUDomain/Retired`` may destroy it.
  /// - Threads: any, inside a section too. Not in a signal handler.
  /// - Complexity: O(1) and one allocation.
  /// - Source: `rcu_xchg_pointer`.
  @inlinable
  public borrowing func exchange(_ pointee: consuming Pointee) -> RCUDomain.Retired<Pointee>? {
    unsafe retired(slot.exchange(pointee))
  }

  /// - Safety: `address` was taken out of the slot.
  @unsafe
  @inlinable
  borrowing func retired(_ address: UnsafeMutableRawPointer?) -> RCUDomain.Retired<Pointee>? {
    guard let address = unsafe address else { return nil }
    return unsafe RCUDomain.Retired(address)
  }
}

// MARK: - load or store

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// The current pointee. If there is none, makes one and publishes it; if another thread publishes
  /// one first, returns that one and destroys its own.
  ///
  /// - Parameter section: the section in which the reference is valid.
  /// - Parameter pointee: called only if there is no pointee. Its result may be discarded.
  /// - Memory ordering: as ``load(in:)`` and ``exchange(_:)``.
  /// - Complexity: O(1), one load; one allocation if there is no pointee.
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
  /// The outcome of a ``Pointer/compareExchange(expected:desired:)``.
  public enum ExchangeResult<Pointee: ~Copyable & Sendable>: ~Copyable {
    /// The new pointee is published. `old` is the expected one; `nil` if none was expected.
    case exchanged(old: Retired<Pointee>?)
    /// Another writer was faster. `desired` is returned; no reader has seen it.
    case notExchanged(desired: Pointee)
  }
}

extension RCUDomain.ExchangeResult: Sendable where Pointee: ~Copyable {}

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// Replaces the pointee if it is still the one that was loaded, and returns the old one, retired.
  ///
  /// This compares addresses, not values. There is no ABA problem: `expected` was loaded in a
  /// section that is still open, so its address can't have been freed and reused for another
  /// pointee.
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
  /// - Parameter expected: what ``load(in:)`` returned; `nil` to replace nothing.
  /// - Parameter desired: the new pointee.
  /// - Returns: the old pointee, or `desired` if another writer was faster. Call `reclaim()` or
  ///   `take()` on the old pointee only after the section, since they wait for a grace period.
  /// - Memory ordering: on success, acquiring and releasing (`memory_order_acq_rel`), as
  ///   ``exchange(_:)``. The release *pairs with* the acquire of ``load(in:)``: a reader that loads
  ///   `desired` sees it initialised. The acquire pairs with the release that published `expected`,
  ///   so that it may be destroyed. On failure, relaxed: the pointee that was found isn't read;
  ///   load it again.
  /// - Complexity: O(1) and one allocation, which is freed on failure.
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
  /// Copies the pointee, lets `body` change the copy, and publishes it. If another writer was
  /// faster, starts again with that writer's value. This is the copy-update in read-copy update.
  ///
  /// ```swift
  /// routes.update { $0[prefix] = nextHop }
  /// ```
  ///
  /// Equivalent to a loop of ``load(in:)``, a copy, and ``compareExchange(expected:desired:)``.
  ///
  /// - Parameter body: may run more than once. It runs inside a read section, so it must not block.
  ///   If it throws, nothing is changed. It traps if it replaces this pointer's pointee.
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
  /// ```swift
  /// counts.update(default: [:]) { $0[word, default: 0] += 1 }
  /// ```
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
      fatalError("Pointer.update: there is always a default")
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
    unsafe Flavor._enterReadSection()
    defer { unsafe Flavor._exitReadSection() }
    return unsafe try slot.update(orFrom: makePointee, body)
  }
}
