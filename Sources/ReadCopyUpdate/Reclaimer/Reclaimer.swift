// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

/// Turns retirements into reclamation: one queue, and one thread that works it off.
///
/// The retiring thread appends to `queue`. Whoever has the role of the *runner* takes the whole
/// queue as one batch, waits for one grace period, and runs the batch: what is retired during a
/// grace period is the next batch, so that batches grow with the load by themselves. The runner is
/// the reclaimer's own thread, or, past a limit, a retiring thread that finds nobody at work.
/// liburcu's `call_rcu` polls every 10 ms instead, and lets the queue grow without bound.
///
/// The runner destroys objects and leaves their memory to threads that retire: see `SpentMemory`.
///
/// Invariants, under `monitor`:
/// - `statistics.pendingCount` = retirements in the queue and `waitingBatch` plus those of the batch
///   that have not run.
/// - `executedSerial <= enqueuedSerial`; retirements run in the order of their serials, since there
///   is one runner at a time.
/// - `startedGracePeriod` counts the runner's grace periods; `endedGracePeriod` is equal to it, or
///   one less while the runner waits.
/// - The thread runs from the first retirement to the process's exit. What is retired after that is
///   never run, and nobody waits for it.
@safe
public final class _Reclaimer: @unchecked Sendable {
  // Sendable: every mutable field is read and written under `monitor`, but for atomics.
  let source: any GracePeriodSource
  let monitor = Monitor()
  // Signalled when something has come to an end. Waiters: threads past a limit, and barriers.
  let progress = Monitor()

  private let state: UnsafeMutablePointer<RetiringState>
  var executedSerial: UInt64 = 0

  // The thread.
  let hasStarted = Atomic(false)
  var thread: pthread_t?
  var isStopping = false
  var hasStopped = false
  var lastBatchCount = 0
  /// The runner's batch, while it waits for the grace period; else empty.
  var waitingBatch = RetirementQueue()

  // Grace periods.
  var startedGracePeriod: UInt64 = 0
  /// The last one that somebody asked for.
  var requestedGracePeriod: UInt64 = 0
  // Written by the runner under `monitor`; read without it.
  let endedGracePeriod = Atomic<UInt64>(0)
  /// Somebody waits: no time to let the batch grow.
  var isUrgent = false
  /// When each wait for a grace period that is under way began.
  var waitStarts: [UInt64] = []

  // Sorted.
  var drainActions = AwaitingActions()
  var gracePeriodActions = AwaitingActions()

  // Diagnostics and fork.
  let isKnown = Atomic(false)
  var stallMonitor = RCUStallMonitor()
  /// The wait that was reported last, and how long it must last to be reported again.
  var reportedWait: (start: UInt64, nextNanoseconds: UInt64) = (0, 0)
  /// The forking thread has the role of the runner for the time of the fork only.
  var forkTookRole = false
  /// The forking thread that, for the time of the fork, keeps the runner, another thread, from
  /// getting past its grace period.
  var forkHolder: pthread_t?

  init(source: any GracePeriodSource) {
    self.source = source
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: RetiringState())
  }

  deinit {
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  /// For flavors; public so that a test program can make one that leaves something out.
  public convenience init(flavor: any RCUFlavor.Type) {
    self.init(source: FlavorSource(flavor: flavor))
  }

  public var statistics: RCUStatistics { monitor.withLock { retiring.counters } }

  var limits: RCULimits {
    get { monitor.withLock { retiring.bounds } }
    set {
      monitor.withLock { retiring.bounds = newValue }
      // Those who wait may go on under a higher limit.
      progress.withLock { progress.signalAll() }
    }
  }

  /// Under `monitor`.
  var retiring: RetiringState {
    @inline(__always)
    unsafeAddress { unsafe UnsafePointer(state) }
    @inline(__always)
    unsafeMutableAddress { unsafe state }
  }

  /// Takes over `retirement`. Past a limit helps or waits, where that is allowed.
  @usableFromInline
  func retire(_ retirement: consuming _Retirement) { retire(retirement, isBounded: true) }

  /// - Parameter isBounded: false by a thread that must not block: the limits are not looked at.
  func retire(_ retirement: consuming _Retirement, isBounded: Bool) {
    startOnce()
    var mayWait = false
    monitor.lock()
    retiring.append(retirement)
    let spent = unsafe retiring.spent.take()
    if retiring.isIdle && retiring.runner == nil { wakeThread() }
    if isBounded && retiring.isOver {
      mayWait = !source.isInReadSection && !isRunner
      if !mayWait { retiring.counters.overLimitCount += 1 }
    }
    monitor.unlock()
    unsafe spent?.deallocate()
    if mayWait { source.whileBlocked { returnBelowLimit() } }
  }

  /// Waits until all that was retired before has run.
  func waitUntilDrained() {
    require(
      monitor.withLock { !isRunner },
      "RCUDomain.barrier() in a deferred call waits for itself; call it from another thread")
    requireGracePeriods()
    startOnce()
    let target = monitor.withLock {
      hurry()
      return retiring.enqueuedSerial
    }
    source.whileBlocked { waitUntil { executedSerial >= target } }
  }

  /// Runs `action` when all that was retired before has run: at once, or on the runner's thread.
  func whenDrained(_ action: @escaping @Sendable () -> Void) {
    requireGracePeriods()
    startOnce()
    let isDrained = monitor.withLock { () -> Bool in
      if executedSerial >= retiring.enqueuedSerial { return true }
      drainActions.append(action, at: retiring.enqueuedSerial)
      hurry()
      return false
    }
    if isDrained { action() }
  }

  /// Whether a thread other than the caller still brings retirements to their end.
  var canBeWaitedFor: Bool { monitor.withLock { !isRunner && !hasStopped } }

  /// Whether the caller runs a batch now. Under `monitor`.
  var isRunner: Bool {
    guard let runner = retiring.runner else { return false }
    return pthread_equal(runner, pthread_self()) != 0
  }

  func requireGracePeriods() { trapIfLost(source.isLost) }

  /// Lets the thread begin at once what is there. Under `monitor`.
  func hurry() {
    isUrgent = true
    monitor.signalAll()
  }

  /// Wakes the thread from having nothing to do. Under `monitor`; others need not wake it again.
  func wakeThread() {
    retiring.isIdle = false
    monitor.signalAll()
  }

  /// Waits until `condition`, which runs under `monitor`, holds.
  func waitUntil(_ condition: () -> Bool) {
    // Order of locks: `progress`, then `monitor`. The runner signals `progress` with neither
    // held but its own, after it updated the counters: no wake-up is lost.
    progress.withLock {
      while !monitor.withLock({ hasStopped || condition() }) { progress.wait() }
    }
  }

  /// How long a thread past a limit lets the reclaimer's thread get a processor before it reclaims
  /// by itself.
  private static let patienceNanoseconds: UInt64 = 1_000_000

  /// Past a limit: waits for the runner; while there is none, runs batches, until the limit holds.
  private func returnBelowLimit() {
    requireGracePeriods()
    monitor.withLock {
      retiring.counters.waitCount += 1
      hurry()
    }
    var batch = RetirementQueue()
    while waitBelowLimit() {
      let helps = monitor.withLock { () -> Bool in
        guard isUnattended else { return false }
        retiring.counters.helpCount += 1
        takeBatch(&batch)
        return true
      }
      if helps { source.asReader { runBatch(&batch) } }
    }
  }

  /// Waits until the limit holds, or nobody has attended to the queue for a while: true.
  private func waitBelowLimit() -> Bool {
    var unattendedSince: UInt64?
    return progress.withLock {
      while true {
        let (isOver, isUnattended) = monitor.withLock {
          (retiring.isOver && !hasStopped, self.isUnattended)
        }
        if !isOver { return false }
        guard isUnattended else {
          unattendedSince = nil
          progress.wait()
          continue
        }
        let now = sysshims_now()
        let end = (unattendedSince ?? now) + Self.patienceNanoseconds
        if now >= end { return true }
        unattendedSince = end - Self.patienceNanoseconds
        progress.wait(until: end)
      }
    }
  }

  /// Whether there is something to run, and nobody at it. Under `monitor`.
  private var isUnattended: Bool { retiring.runner == nil && !retiring.queue.isEmpty }
}

/// What to run, on the runner's thread, when a count has been reached.
struct AwaitingActions {
  private var actions: [(target: UInt64, action: @Sendable () -> Void)] = []

  /// Targets never decrease.
  mutating func append(_ action: @escaping @Sendable () -> Void, at target: UInt64) {
    actions.append((target, action))
  }

  /// Removes and returns those whose target has been reached.
  mutating func take(reached count: UInt64) -> [@Sendable () -> Void] {
    guard !actions.isEmpty else { return [] }
    let reached = actions.prefix { $0.target <= count }
    actions.removeFirst(reached.count)
    return reached.map(\.action)
  }
}
