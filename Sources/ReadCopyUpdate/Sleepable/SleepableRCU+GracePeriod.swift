// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension SleepableRCU {
  /// Waits for a grace period: until every section of this domain that is open now has ended.
  ///
  /// Threads that wait at the same time share a grace period.
  ///
  /// - Precondition: the caller is not inside a section of this domain, which would wait for
  ///   itself. This traps if the section can't suspend; otherwise it can't be detected, but
  ///   ``stallMonitor`` reports the wait. The thread must not hold a lock that a reader takes, nor
  ///   be one on which a section has to resume.
  /// - Memory ordering: everything that those sections did happens before the return; everything
  ///   that was done before the call happens before any section that it doesn't wait for. *Pairs
  ///   with* `withReadSection`.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: O(processors) if nobody reads; otherwise as long as the longest open section, or
  ///   up to twice as long, plus at most a millisecond.
  /// - Source: `synchronize_srcu`.
  @available(*, noasync, message: "blocks the thread; the async overload doesn't")
  public func synchronize() {
    require(
      !source.isThreadInSection,
      "SleepableRCU.synchronize() inside a read section waits for itself; leave the section first, or use afterGracePeriod"
    )
    _reclaimer.waitForGracePeriod()
  }

  /// Suspends the task for a grace period, which the domain's reclaimer thread waits for.
  ///
  /// - Precondition: as ``synchronize()``.
  /// - Memory ordering, complexity: as ``synchronize()``.
  public func synchronize() async { await startGracePeriod().wait() }

  /// Whether the calling thread is in a section of this domain that can't suspend. A section that
  /// can suspend belongs to no thread and isn't counted.
  ///
  /// - Threads: any; signal handlers too.
  /// - Complexity: O(sections that are nested on the thread).
  public var isInReadSection: Bool { source.isThreadInSection }

  /// Starts a grace period and returns at once; the domain's reclaimer thread waits for it.
  ///
  /// Calls made before the grace period has begun share it.
  ///
  /// - Memory ordering: a section that opens after the grace period is complete sees everything
  ///   that was done before this call.
  /// - Threads: any, inside a section too.
  /// - Complexity: O(1), under the reclaimer's lock.
  /// - Source: `start_poll_synchronize_srcu`.
  public func startGracePeriod() -> GracePeriod {
    GracePeriod(domain: self, number: _reclaimer.requestGracePeriod())
  }

  /// A grace period that has been requested, and that can be polled. Keeps its domain alive.
  public struct GracePeriod: Sendable {
    let domain: SleepableRCU
    let number: UInt64

    /// Whether all sections that were open when it started have ended, and the reclaimer has
    /// noticed.
    ///
    /// - Memory ordering: acquiring. If true, everything that those sections did happens before
    ///   this returns. *Pairs with* the release by the thread that waited for them.
    /// - Threads: any, inside a section too; but a grace period that was started before or in that
    ///   section doesn't become complete there.
    /// - Complexity: O(1), one load.
    /// - Source: `poll_state_synchronize_srcu`.
    public var isComplete: Bool { domain._reclaimer.hasEnded(gracePeriod: number) }

    /// Waits until the grace period is complete.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``; not in a deferred call.
    /// - Memory ordering: as ``isComplete``.
    @available(*, noasync, message: "blocks the thread; the async overload doesn't")
    public func wait() {
      require(
        !domain.isInReadSection,
        "SleepableRCU.GracePeriod.wait() inside a read section waits for itself; leave the section first"
      )
      domain._reclaimer.wait(forGracePeriod: number)
    }

    /// Suspends the task until the grace period is complete.
    ///
    /// - Precondition: as for ``SleepableRCU/synchronize()``.
    public func wait() async {
      await withCheckedContinuation { continuation in
        domain._reclaimer.when(gracePeriod: number) { continuation.resume() }
      }
    }
  }

  /// Runs `action` after a grace period, on the domain's reclaimer thread.
  ///
  /// Actions run one after another, in the order of the calls. An action may retire values and call
  /// `afterGracePeriod` itself; it must not block for long, nor call ``barrier()``.
  ///
  /// ``limits`` bounds what may be pending, as far as that can't deadlock. Past a limit, a thread
  /// that runs no task and is in no section waits for the reclaimer, unless `mayWait` is false. A
  /// task may be in a section that suspends, and its thread may be needed to end one, so a task
  /// never waits here. It is counted in ``RCUStatistics/overLimitCount`` instead, and should call
  /// ``waitBelowLimits()`` outside of sections.
  ///
  /// - Precondition: `bytes` is 0 to 2^48; the thread holds no lock that an action takes.
  /// - Parameter bytes: the memory that `action` gives back.
  /// - Parameter mayWait: false for a caller that must not block, such as a `deinit`.
  /// - Parameter action: runs once.
  /// - Threads: any, inside a section too; not in a signal handler.
  /// - Complexity: O(1), under the reclaimer's lock, unless it waits.
  /// - Source: `call_srcu`.
  public func afterGracePeriod(
    bytes: Int = 0, mayWait: Bool = true, _ action: @escaping @Sendable () -> Void
  ) {
    require(
      bytes >= 0 && bytes <= 1 << 48, "SleepableRCU.afterGracePeriod: bytes must be 0 to 2^48")
    _reclaimer.retire(_Retirement(bytes: bytes, action: action), mayWait: mayWait)
  }

  /// If more is pending than ``limits`` allow, suspends the task until what was retired before the
  /// call has been reclaimed.
  ///
  /// This bounds what tasks retire: call it before or after retiring, outside of sections.
  ///
  /// ```swift
  /// for await policy in policies {
  ///   pointer.store(policy)
  ///   await domain.waitBelowLimits()
  /// }
  /// ```
  ///
  /// - Precondition: as for ``barrier()``.
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
  /// - Precondition: as for ``synchronize()``; not in a deferred call.
  /// - Complexity: a grace period, and that of the destructions and deferred calls that are
  ///   pending.
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
  /// - Complexity: as ``barrier()``.
  public func barrier() async {
    await withCheckedContinuation { continuation in
      _reclaimer.whenDrained { continuation.resume() }
    }
  }

  /// What the domain's reclaimer holds and has done.
  ///
  /// - Complexity: O(1), under the reclaimer's lock.
  public var statistics: RCUStatistics { _reclaimer.statistics }

  /// The bounds on what may wait for a grace period. If a limit is raised, waiting threads go on.
  ///
  /// - Threads: any.
  public var limits: RCULimits {
    get { _reclaimer.limits }
    set { _reclaimer.limits = newValue }
  }

  /// The monitor that reports grace periods that take too long. It reports the number of sections
  /// that a grace period waits for, since they belong to no thread.
  ///
  /// - Threads: any.
  public var stallMonitor: RCUStallMonitor {
    get { _reclaimer.monitor.withLock { _reclaimer.stallMonitor } }
    set { _reclaimer.setStallMonitor(newValue) }
  }
}
