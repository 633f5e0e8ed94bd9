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
    require(
      !Flavor._isInReadSection,
      "RCUDomain.synchronize() inside a read section waits for itself; leave the section first, or use afterGracePeriod"
    )
    Flavor._reclaimer.waitForGracePeriod()
  }

  /// Suspends the task for a grace period. The domain's reclaimer thread waits in its place.
  public static func synchronize() async { await startGracePeriod().wait() }

  /// Waits for a grace period as ``synchronize()`` does, but first lets the sections that are
  /// open now end, looking every ten microseconds.
  ///
  /// `bp`'s grace period sleeps for 10 ms when it meets a section that is open for more than a few
  /// microseconds, such as a preempted reader's. This one usually meets none, at the price of a
  /// thread that is awake. The other flavors are woken by their readers and gain little.
  ///
  /// - Precondition, ordering: as ``synchronize()``.
  /// - Source: the idea of `synchronize_rcu_expedited` in Linux.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public static func synchronizeExpedited() {
    require(
      !Flavor._isInReadSection,
      "RCUDomain.synchronizeExpedited() inside a read section waits for itself; leave the section first"
    )
    FlavorSource(flavor: Flavor.self).letReadersLeave()
    Flavor._reclaimer.waitForGracePeriod()
  }

  /// Suspends the task for a grace period, but first lets the sections that are open now end, as
  /// ``synchronizeExpedited()-(()->())`` does. The domain's reclaimer thread waits in its place.
  public static func synchronizeExpedited() async {
    await FlavorSource(flavor: Flavor.self).letReadersLeave()
    await startGracePeriod().wait()
  }

  /// Runs `action` after a grace period, on the domain's reclaimer thread.
  ///
  /// Actions run one after another, in the order of the calls. An action may retire and call
  /// `afterGracePeriod` itself; it must not block for long, nor call what waits for the domain
  /// (``barrier()``, a ``GracePeriod``), which traps.
  ///
  /// Retirements that wait are bounded, by ``RCULimits``: past a limit this call waits for the
  /// reclaimer, unless the thread is inside a read section or runs a deferred call now, or
  /// `mayWait` is false: that is counted in ``RCUStatistics/overLimitCount`` instead.
  ///
  /// - Precondition: `bytes` is not negative, and not above 2^48; where this may wait, the thread
  ///   holds no lock that an action takes, and is in no section of another domain.
  /// - Parameter bytes: the memory that `action` gives back.
  /// - Parameter mayWait: false for a caller that must not block, such as a `deinit`.
  /// - Parameter action: runs once.
  /// - Threads: any thread, inside a section too.
  /// - Source: `call_rcu`, but with a thread of our own: liburcu's polls every 10 ms.
  public static func afterGracePeriod(
    bytes: Int = 0, mayWait: Bool = true, _ action: @escaping @Sendable () -> Void
  ) {
    require(
      bytes >= 0 && bytes <= 1 << 48, "RCUDomain.afterGracePeriod: bytes are 0 to 2^48")
    Flavor._retire(_Retirement(bytes: bytes, action: action), mayWait: mayWait, owner: 0)
  }

  /// Waits until everything that was retired before the call has been reclaimed.
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
  /// - Source: `rcu_barrier`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public static func barrier() {
    require(
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

  /// The number of threads in the registry of this flavor's readers: those that have read, or have
  /// registered themselves, and have not ended. A grace period looks at each of them.
  ///
  /// - Complexity: O(threads), under the registry's lock.
  public static var registeredThreadCount: Int {
    FlavorSource(flavor: Flavor.self).readerCount
  }

  /// Who is told when a grace period takes too long.
  public static var stallMonitor: RCUStallMonitor {
    get { Flavor._reclaimer.monitor.withLock { Flavor._reclaimer.stallMonitor } }
    set { Flavor._reclaimer.setStallMonitor(newValue) }
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
  @available(*, unavailable, renamed: "afterGracePeriod(bytes:mayWait:_:)")
  public static func call_rcu() { fatalError() }
  @available(*, unavailable, renamed: "barrier()")
  public static func rcu_barrier() { fatalError() }
}
