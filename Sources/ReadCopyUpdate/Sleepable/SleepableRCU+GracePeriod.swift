// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension SleepableRCU {
  /// Waits for a grace period: until every section of this domain that is open now has ended.
  ///
  /// Threads that wait at the same time share one.
  ///
  /// - Precondition: the caller is not inside a section of this domain, which would wait for
  ///   itself. That traps where the section can't suspend; where it can, nobody can tell, and
  ///   ``stallMonitor`` reports the wait. Nor may the thread hold a lock that a reader takes, or be
  ///   one that a section needs to resume on.
  /// - Memory ordering: everything that those sections did happens before the return; everything
  ///   that was done before the call happens before a section that it doesn't wait for. *Pairs
  ///   with* `withReadSection`.
  /// - Complexity: O(processors) when nobody reads; else as long as the longest open section, and
  ///   up to as long again, at most a millisecond more.
  /// - Source: `synchronize_srcu`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public func synchronize() {
    require(
      !source.isThreadInSection,
      "SleepableRCU.synchronize() inside a read section waits for itself; leave the section first, or use afterGracePeriod"
    )
    _reclaimer.waitForGracePeriod()
  }

  /// Suspends the task for a grace period. The domain's reclaimer thread waits in its place.
  ///
  /// - Precondition: as ``synchronize()``.
  public func synchronize() async { await startGracePeriod().wait() }

  /// Whether the calling thread is in a section of this domain that can't suspend. One that can
  /// belongs to no thread: of that nobody can tell.
  ///
  /// - Threads: any; signal handlers too.
  public var isInReadSection: Bool { source.isThreadInSection }

  /// Starts a grace period and returns at once; the domain's reclaimer thread waits for it.
  ///
  /// Calls that come before it has begun share it.
  ///
  /// - Memory ordering: a section that opens after the grace period is complete sees everything
  ///   that was done before this call.
  /// - Threads: any, inside a section too.
  /// - Complexity: O(1), under the reclaimer's lock.
  /// - Source: `start_poll_synchronize_srcu`.
  public func startGracePeriod() -> GracePeriod {
    GracePeriod(domain: self, number: _reclaimer.requestGracePeriod())
  }

  /// A grace period that began to be waited for, and that can be asked after. Keeps its domain.
  public struct GracePeriod: Sendable {
    let domain: SleepableRCU
    let number: UInt64

    /// Whether all sections that were open when it started have ended, and that was noticed.
    ///
    /// - Memory ordering: acquiring. If true, everything that those sections did happens before
    ///   this returns. *Pairs with* the release by the thread that waited.
    /// - Threads: any, inside a section too: there it doesn't become true for a grace period that
    ///   was started before or in that section.
    /// - Complexity: O(1), one load.
    /// - Source: `poll_state_synchronize_srcu`.
    public var isComplete: Bool { domain._reclaimer.hasEnded(gracePeriod: number) }

    /// Waits until it is complete.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()``; not in a deferred call.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    public func wait() {
      require(
        !domain.isInReadSection,
        "SleepableRCU.GracePeriod.wait() inside a read section waits for itself; leave the section first"
      )
      domain._reclaimer.wait(forGracePeriod: number)
    }

    /// Suspends the task until it is complete.
    ///
    /// - Precondition: as ``SleepableRCU/synchronize()``.
    public func wait() async {
      await withCheckedContinuation { continuation in
        domain._reclaimer.when(gracePeriod: number) { continuation.resume() }
      }
    }
  }

  /// Runs `action` after a grace period, on the domain's reclaimer thread.
  ///
  /// Actions run one after another, in the order of the calls. An action may retire and call
  /// `afterGracePeriod` itself; it must not block for long, nor call ``barrier()``.
  ///
  /// Retirements that wait are bounded by ``limits`` where that can't deadlock: past a limit a
  /// thread that runs no task, and is in no section, waits for the reclaimer unless `mayWait` is
  /// false. A task may be in a section that suspends, and the pool's threads may be needed to end
  /// one: it never waits here, is counted in ``RCUStatistics/overLimitCount``, and should
  /// ``waitBelowLimits()`` where it knows to be outside.
  ///
  /// - Precondition: `bytes` is not negative, and not above 2^48; the thread holds no lock that an
  ///   action takes.
  /// - Parameter bytes: the memory that `action` gives back.
  /// - Parameter mayWait: false for a caller that must not block, such as a `deinit`.
  /// - Parameter action: runs once.
  /// - Threads: any thread, inside a section too.
  /// - Source: `call_srcu`.
  public func afterGracePeriod(
    bytes: Int = 0, mayWait: Bool = true, _ action: @escaping @Sendable () -> Void
  ) {
    require(
      bytes >= 0 && bytes <= 1 << 48, "SleepableRCU.afterGracePeriod: bytes are 0 to 2^48")
    _reclaimer.retire(_Retirement(bytes: bytes, action: action), mayWait: mayWait)
  }

  /// Suspends the task, if more waits than ``limits`` allow, until what was retired before the call
  /// has been reclaimed.
  ///
  /// What tasks retire is bounded by this: call it before or after retiring, outside of sections.
  ///
  /// ```swift
  /// for await policy in policies {
  ///   pointer.store(policy)
  ///   await domain.waitBelowLimits()
  /// }
  /// ```
  ///
  /// - Precondition: as ``barrier()``.
  /// - Complexity: O(1) below the limits, under the reclaimer's lock.
  public func waitBelowLimits() async {
    let isOverLimit = _reclaimer.monitor.withLock { () -> Bool in
      guard _reclaimer.retiring.isOver else { return false }
      _reclaimer.retiring.counters.waitCount += 1
      return true
    }
    if isOverLimit { await barrier() }
  }

  /// Waits until everything that was retired before the call has been reclaimed.
  ///
  /// - Precondition: as ``synchronize()``; not in a deferred call.
  /// - Source: `srcu_barrier`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public func barrier() {
    require(
      !source.isThreadInSection,
      "SleepableRCU.barrier() inside a read section waits for itself; leave the section first"
    )
    _reclaimer.waitUntilDrained()
  }

  /// Suspends the task until everything that was retired before the call has been reclaimed.
  ///
  /// - Precondition: not inside a section of this domain.
  public func barrier() async {
    await withCheckedContinuation { continuation in
      _reclaimer.whenDrained { continuation.resume() }
    }
  }

  /// What the domain's reclaimer has done and holds.
  ///
  /// - Complexity: O(1), under the reclaimer's lock.
  public var statistics: RCUStatistics { _reclaimer.statistics }

  /// The bounds on what may wait for a grace period.
  public var limits: RCULimits {
    get { _reclaimer.limits }
    set { _reclaimer.limits = newValue }
  }

  /// Who is told when a grace period takes too long. The report counts the sections that it waits
  /// for; they have no thread to be named.
  public var stallMonitor: RCUStallMonitor {
    get { _reclaimer.monitor.withLock { _reclaimer.stallMonitor } }
    set { _reclaimer.setStallMonitor(newValue) }
  }
}
