// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Synchronization

extension RCUDomain.Pointer where Pointee: ~Copyable {
  /// Replaces the pointee and returns the old one, retired.
  ///
  /// - Memory ordering: acquiring and releasing (`memory_order_acq_rel`). The release *pairs with*
  ///   the acquire of ``load(in:)``: whoever loads the new pointee sees it initialised. The acquire
  ///   pairs with the release of the exchange that put the old pointee there, so that it can be
  ///   destroyed by whoever holds the ``RCUDomain/Retired``.
  /// - Complexity: O(1) and one allocation.
  /// - Source: `rcu_xchg_pointer`.
  @inlinable
  public borrowing func exchange(_ pointee: consuming Pointee) -> RCUDomain.Retired<Pointee>? {
    unsafe exchangeAddress(_PointeeBox<Pointee>.allocate(pointee))
  }

  @inlinable
  borrowing func exchangeAddress(_ new: UnsafeMutableRawPointer?) -> RCUDomain.Retired<Pointee>? {
    guard let old = unsafe storage.exchange(new, ordering: .acquiringAndReleasing) else {
      return nil
    }
    return unsafe RCUDomain.Retired(old)
  }
}

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
  /// - Precondition: the pointer points to something.
  /// - Parameter body: may run more than once; runs inside a read section, hence doesn't block.
  ///   If it throws, nothing is changed.
  /// - Memory ordering: as ``exchange(_:)``.
  /// - Complexity: O(copy), times the number of writers that collide.
  @inlinable
  public borrowing func update<E: Error>(_ body: (inout Pointee) throws(E) -> Void) throws(E) {
    while true {
      guard let old = try updateOnce(body) else { continue }
      // The attempt's section has ended: past a limit, retiring waits for the reclaimer here.
      _ = consume old
      return
    }
  }

  /// One attempt of `update`; `nil` if another writer came first. The old pointee can't be freed and allocated again at the same
  /// address while the section that loaded it is open, so that comparing addresses is enough.
  @inlinable
  borrowing func updateOnce<E: Error>(
    _ body: (inout Pointee) throws(E) -> Void
  ) throws(E) -> RCUDomain.Retired<Pointee>? {
    Flavor._enterReadSection()
    defer { Flavor._exitReadSection() }
    guard let old = unsafe storage.load(ordering: .acquiring) else {
      preconditionFailure("RCUDomain.Pointer.update: the pointer is empty; use store")
    }
    var copy = unsafe old.assumingMemoryBound(to: Pointee.self).pointee
    try body(&copy)
    let new = unsafe _PointeeBox<Pointee>.allocate(copy)
    // Pairs with load's acquire (the release half), and with the previous writer's release.
    let (exchanged, _) = unsafe storage.compareExchange(
      expected: old, desired: new, ordering: .acquiringAndReleasing)
    if exchanged { return unsafe RCUDomain.Retired<Pointee>(old) }
    unsafe _PointeeBox<Pointee>.destroy(new)
    return nil
  }
}
