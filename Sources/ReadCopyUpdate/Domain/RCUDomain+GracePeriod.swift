// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// Waits for a grace period: until every read section that is open now has ended.
  ///
  /// - Precondition: the thread is not inside a read section of this domain, which would wait for
  ///   itself. Nor may it hold a lock that a reader takes inside one.
  /// - Memory ordering: everything that those sections did happens before the return; a section
  ///   that opens later sees everything that was done before the call. *Pairs with*
  ///   ``withReadSection(_:)``.
  /// - Complexity: a microsecond when nobody reads, else as long as the longest open section.
  /// - Source: `synchronize_rcu`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public static func synchronize() {
    precondition(
      !Flavor._isInReadSection,
      "RCUDomain.synchronize() inside a read section waits for itself; leave the section first, or use afterGracePeriod"
    )
    Flavor._waitForGracePeriod()
    Flavor._reclaimer.countGracePeriod()
  }

  /// Suspends the task for a grace period. The domain's reclaimer thread waits in its place.
  public static func synchronize() async {
    await withCheckedContinuation { continuation in
      // Not bounded by the limits: past one, `afterGracePeriod` would block this pool thread.
      Flavor._reclaimer.retire(
        _Retirement(bytes: 0) { continuation.resume() }, isBounded: false)
    }
  }

  /// Runs `action` after a grace period, on the domain's reclaimer thread.
  ///
  /// Actions run one after another, in the order of the calls. An action may retire and call
  /// `afterGracePeriod` itself; it must not block for long, nor call ``barrier()-(()->())``.
  ///
  /// Retirements that wait are bounded, by ``RCULimits``: past a limit this call waits for the
  /// reclaimer, unless the thread is inside a read section or is the reclaimer itself, where it is
  /// counted in ``RCUStatistics/overLimitCount`` instead.
  ///
  /// - Precondition: `bytes` is not negative, and not above 2^48; the thread holds no lock that an
  ///   action takes.
  /// - Parameter bytes: the memory that `action` gives back.
  /// - Threads: any thread, inside a section too.
  /// - Source: `call_rcu`, but with a thread of our own: liburcu's polls every 10 ms.
  public static func afterGracePeriod(bytes: Int = 0, _ action: @escaping @Sendable () -> Void) {
    precondition(
      bytes >= 0 && bytes <= 1 << 48, "RCUDomain.afterGracePeriod: bytes are 0 to 2^48")
    Flavor._reclaimer.retire(_Retirement(bytes: bytes, action: action))
  }

  /// Runs `action` as `afterGracePeriod` does, but never waits: for deinits, which don't know what
  /// locks are held.
  package static func _afterGracePeriodWithoutWaiting(
    bytes: Int, _ action: @escaping @Sendable () -> Void
  ) {
    Flavor._reclaimer.retire(_Retirement(bytes: bytes, action: action), isBounded: false)
  }

  /// Waits until everything that was retired before the call has been reclaimed.
  ///
  /// - Precondition: not inside a read section, and not on the reclaimer thread.
  /// - Source: `rcu_barrier`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public static func barrier() {
    precondition(
      !Flavor._isInReadSection,
      "RCUDomain.barrier() inside a read section waits for itself; leave the section first"
    )
    Flavor._reclaimer.waitUntilDrained()
  }

  /// Suspends the task until everything that was retired before the call has been reclaimed.
  public static func barrier() async {
    await withCheckedContinuation { continuation in
      Flavor._reclaimer.whenDrained { continuation.resume() }
    }
  }

  /// What the domain's reclaimer has done and holds.
  ///
  /// - Complexity: O(1), under the reclaimer's lock.
  public static var statistics: RCUStatistics { Flavor._reclaimer.statistics }

  /// The bounds on what may wait for a grace period.
  public static var limits: RCULimits {
    get { Flavor._reclaimer.limits }
    set { Flavor._reclaimer.limits = newValue }
  }
}

// Signposts for those who know liburcu.
extension RCUDomain {
  @available(*, unavailable, renamed: "withReadSection(_:)")
  public static func rcu_read_lock() { fatalError() }
  @available(*, unavailable, renamed: "withReadSection(_:)")
  public static func rcu_read_unlock() { fatalError() }
  @available(*, unavailable, renamed: "synchronize()")
  public static func synchronize_rcu() { fatalError() }
  @available(*, unavailable, renamed: "afterGracePeriod(bytes:_:)")
  public static func call_rcu() { fatalError() }
  @available(*, unavailable, renamed: "barrier()")
  public static func rcu_barrier() { fatalError() }
}
