// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// Waits for a grace period: until every read section that is open now has ended.
  ///
  /// - Precondition: the thread is not inside a read section of this domain, which would wait for
  ///   itself, and holds no lock that a reader takes inside one.
  /// - Memory ordering: everything that those sections did happens before the return; a section
  ///   that opens later sees everything that was done before the call. *Pairs with*
  ///   ``withReadSection(_:)``.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: about a microsecond if nobody reads, otherwise as long as the longest open
  ///   section.
  /// - Source: `synchronize_rcu`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public static func synchronize() {
    require(
      !Flavor._isInReadSection,
      "RCUDomain.synchronize() inside a read section waits for itself; leave the section first, or use afterGracePeriod"
    )
    Flavor._reclaimer.waitForGracePeriod()
  }

  /// Suspends the task for a grace period, which the domain's reclaimer thread waits for.
  ///
  /// - Memory ordering: as ``synchronize()``.
  /// - Complexity: as ``synchronize()``.
  public static func synchronize() async { await startGracePeriod().wait() }

  /// Waits for a grace period as ``synchronize()`` does, but first lets the sections that are open
  /// now end, checking every ten microseconds.
  ///
  /// A grace period of `bp` sleeps for 10 ms if it finds a section that stays open for more than a
  /// few microseconds, such as a preempted reader's. This one rarely finds any, but keeps a thread
  /// awake. The other flavors are woken by their readers and gain little.
  ///
  /// - Precondition, ordering, threads: as ``synchronize()``.
  /// - Complexity: as ``synchronize()``.
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
  /// ``synchronizeExpedited()-(()->())`` does. The domain's reclaimer thread waits for the grace
  /// period.
  ///
  /// - Memory ordering: as ``synchronize()``.
  public static func synchronizeExpedited() async {
    await FlavorSource(flavor: Flavor.self).letReadersLeave()
    await startGracePeriod().wait()
  }

  /// Runs `action` after a grace period, on the domain's reclaimer thread.
  ///
  /// Actions run one after another, in the order of the calls. An action may retire values and call
  /// `afterGracePeriod` itself. It must not block for long, and traps if it waits for the domain
  /// (``barrier()``, a ``GracePeriod``).
  ///
  /// ``RCULimits`` bounds what may be pending. Past a limit, this call waits for the reclaimer,
  /// unless the thread is inside a read section or is running a deferred call, or `mayWait` is
  /// false; then the call is counted in ``RCUStatistics/overLimitCount`` instead.
  ///
  /// - Precondition: `bytes` is 0 to 2^48. If this may wait, the thread holds no lock that an
  ///   action takes, and is in no section of another domain.
  /// - Parameter bytes: the memory that `action` gives back.
  /// - Parameter mayWait: false for a caller that must not block, such as a `deinit`.
  /// - Parameter action: runs once.
  /// - Memory ordering: as ``synchronize()``: everything that the sections did happens before
  ///   `action`.
  /// - Threads: any, inside a section too; not in a signal handler.
  /// - Complexity: O(1), under the reclaimer's lock, unless it waits.
  /// - Source: `call_rcu`, but on a thread of our own: liburcu's polls every 10 ms.
  public static func afterGracePeriod(
    bytes: Int = 0, mayWait: Bool = true, _ action: @escaping @Sendable () -> Void
  ) {
    require(
      bytes >= 0 && bytes <= 1 << 48, "RCUDomain.afterGracePeriod: bytes must be 0 to 2^48")
    Flavor._retire(_Retirement(bytes: bytes, action: action), mayWait: mayWait, owner: 0)
  }

  /// Waits until everything that was retired before the call has been reclaimed.
  ///
  /// - Precondition: not inside a read section, and not in a deferred call.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: a grace period, and that of the destructions and deferred calls that are
  ///   pending.
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
  ///
  /// - Complexity: as ``barrier()``.
  public static func barrier() async {
    await withCheckedContinuation { continuation in
      Flavor._reclaimer.whenDrained { continuation.resume() }
    }
  }

  /// What the domain's reclaimer holds and has done.
  ///
  /// - Complexity: O(1), under the reclaimer's lock.
  public static var statistics: RCUStatistics { Flavor._reclaimer.statistics }

  /// The bounds on what may wait for a grace period. If a limit is raised, waiting threads
  /// go on.
  ///
  /// - Threads: any.
  public static var limits: RCULimits {
    get { Flavor._reclaimer.limits }
    set { Flavor._reclaimer.limits = newValue }
  }

  /// The number of threads in this flavor's reader registry: those that have read or registered,
  /// and that have not ended. A grace period looks at each of them.
  ///
  /// - Threads: any.
  /// - Complexity: O(threads), under the registry's lock.
  public static var registeredThreadCount: Int {
    FlavorSource(flavor: Flavor.self).readerCount
  }

  /// The monitor that reports grace periods that take too long.
  ///
  /// - Threads: any.
  public static var stallMonitor: RCUStallMonitor {
    get { Flavor._reclaimer.monitor.withLock { Flavor._reclaimer.stallMonitor } }
    set { Flavor._reclaimer.setStallMonitor(newValue) }
  }
}

// Signposts for programmers who know liburcu.
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
