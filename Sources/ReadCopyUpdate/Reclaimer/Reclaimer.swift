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
/// the reclaimer's own thread; where the system lets no thread start, a thread that waits.
/// liburcu's `call_rcu` polls every 10 ms instead, and lets the queue grow without bound.
///
/// The runner destroys objects and leaves their memory to threads that retire: see
/// `RecycledBlocks`. What is retired by what it destroys is a matter of its own: see
/// `Reclaimer+Nested.swift`.
///
/// No code of users runs, nor is anything of theirs released, under a lock of this.
///
/// Invariants, under `monitor`:
/// - `statistics.pendingCount` = retirements in the queue, in `waitingBatch`, in `nested` and in
///   `lineages` plus those of the batch that have not run.
/// - `executedSerial <= enqueuedSerial`; retirements run in the order of their serials, since there
///   is one runner at a time. Those that others retired by being destroyed have none.
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

  private let state: UnsafeMutablePointer<ReclaimerState>
  /// The runner's own.
  let nested: UnsafeMutablePointer<NestedRetirements>
  var executedSerial: UInt64 = 0

  // The thread.
  let hasStarted = Atomic(false)
  var thread: pthread_t?
  /// When it may be tried again to start one, in `sysshims_now`'s time.
  let nextStart = Atomic<UInt64>(0)
  /// Whether more waits than the limits allow. Written under `monitor`, read as a hint.
  let isOverLimit = Atomic(false)
  /// Nobody can use this any more: it goes when all is done.
  var isForgotten = false
  /// Somebody joins the thread.
  var isJoined = false
  /// The call that runs now, as `RunningCall` numbers it; 0: none. Written by the runner.
  let runningCall = Atomic<UInt>(0)
  let runningCallNumber = Atomic<UInt64>(0)
  /// The process exits, or nobody can use this any more.
  var isStopping = false
  /// The thread is to end when nothing is left, and another one to start when there is.
  var endsThread = false
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

  /// What came of earlier batches, and waits.
  var lineages: [Lineage] = []

  // Diagnostics and fork.
  let isKnown = Atomic(false)
  var stallMonitor = RCUStallMonitor()
  /// The wait that was reported last, and how long it must last to be reported again.
  var reportedWait: (start: UInt64, nextNanoseconds: UInt64) = (0, 0)
  /// Pools of blocks, under `monitor`.
  private(set) var pools: [PoolShared] = []
  /// The same for a pool's wait.
  var reportedPoolWait: (start: UInt64, nextNanoseconds: UInt64) = (0, 0)
  /// The same for a call: its number, and when it was seen first.
  var reportedCall: (number: UInt64, since: UInt64, nextNanoseconds: UInt64) = (0, 0, 0)
  /// The forking thread has the role of the runner for the time of the fork only.
  var forkTookRole = false
  /// The forking thread that, for the time of the fork, keeps the runner, another thread, from
  /// getting past its grace period.
  var forkHolder: pthread_t?

  init(source: any GracePeriodSource) {
    self.source = source
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: ReclaimerState())
    unsafe nested = .allocate(capacity: 1)
    unsafe nested.initialize(to: NestedRetirements())
  }

  deinit {
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
    unsafe nested.deinitialize(count: 1)
    unsafe nested.deallocate()
  }

  /// For flavors; public so that a test program can make one that leaves something out.
  ///
  /// - Safety: what the flavor's sections and grace periods leave out, readers lose.
  @unsafe
  public convenience init(flavor: any RCUFlavor.Type) {
    self.init(source: FlavorSource(flavor: flavor))
  }

  public var statistics: RCUStatistics {
    var (statistics, pools) = monitor.withLock { () -> (RCUStatistics, [PoolShared]) in
      (retiring.statistics, self.pools)
    }
    let now = sysshims_now()
    for pool in pools {
      statistics.poolBytes += pool.limboBytes.load(ordering: .relaxed)
      let since = pool.waitsSince.load(ordering: .relaxed)
      guard since > 0 && since < now else { continue }
      statistics.poolWait = max(statistics.poolWait, .nanoseconds(Int64(now - since)))
    }
    return statistics
  }

  /// A pool of blocks that wait for this domain's readers without the reclaimer.
  func add(_ pool: PoolShared) { monitor.withLock { pools.append(pool) } }

  func remove(_ pool: PoolShared) { monitor.withLock { pools.removeAll { $0 === pool } } }

  var limits: RCULimits {
    get { monitor.withLock { retiring.bounds } }
    set {
      monitor.withLock {
        retiring.bounds = newValue
        noteLimit()
      }
      // Those who wait may go on under a higher limit.
      progress.withLock { progress.signalAll() }
    }
  }

  /// Under `monitor`.
  var retiring: ReclaimerState {
    @inline(__always)
    unsafeAddress { unsafe UnsafePointer(state) }
    @inline(__always)
    unsafeMutableAddress { unsafe state }
  }

  /// Takes over `retirement`.
  ///
  /// - Parameter mayWait: past a limit, waits for the reclaimer, where that is allowed. False by a
  ///   thread that must not block.
  /// - Parameter owner: where the pointer is that owned what is retired, and that goes with it; 0:
  ///   it stays.
  @usableFromInline
  func retire(_ retirement: consuming _Retirement, mayWait: Bool, owner: UInt = 0) {
    startOnce()
    monitor.lock()
    if retiring.isRunning && isRunner {
      retiring.count(retirement.bytes)
      if retiring.isOver { retiring.counters.overLimitCount += 1 }
      noteLimit()
      monitor.unlock()
      return unsafe nested.pointee.append(retirement, owner: owner)
    }
    retiring.append(retirement)
    let spent = unsafe retiring.spent.take()
    if retiring.isIdle && retiring.runner == nil { wakeThread() }
    var waits = false
    if retiring.isOver {
      noteLimit()
      waits = mayWait && !source.isInReadSection && !isRunner
      if !waits { retiring.counters.overLimitCount += 1 }
    }
    // The thread may have ended since it was looked at.
    let hasThread = hasStarted.load(ordering: .relaxed)
    monitor.unlock()
    unsafe spent?.deallocate()
    if !hasThread { startOnce() }
    if waits { source.whileBlocked { returnBelowLimit() } }
  }

  /// Waits for the reclaimer past a limit, where that is allowed: for those who will retire
  /// something without waiting then.
  @usableFromInline
  @inline(__always)
  func waitBelowLimit() {
    if isOverLimit.load(ordering: .relaxed) { waitBelowLimitNow() }
  }

  @usableFromInline
  @inline(never)
  func waitBelowLimitNow() {
    guard !source.isInReadSection && monitor.withLock({ !isRunner }) else { return }
    source.whileBlocked { returnBelowLimit() }
  }

  /// Under `monitor`.
  func noteLimit() {
    let isOver = retiring.isOver
    if isOver != isOverLimit.load(ordering: .relaxed) {
      isOverLimit.store(isOver, ordering: .relaxed)
    }
  }

  /// Waits until all that was retired before has run.
  func waitUntilDrained() {
    require(
      monitor.withLock { !isRunner },
      "RCUDomain.barrier() in a deferred call waits for itself; call it from another thread")
    let target = hurryAll()
    source.whileBlocked { waitUntil { hasExecuted(to: target) } }
  }

  /// Lets the thread begin at once what is there; returns the last serial of it.
  func hurryAll() -> UInt64 {
    requireGracePeriods()
    startOnce()
    return monitor.withLock {
      expedite()
      return retiring.enqueuedSerial
    }
  }

  /// Whether all to the serial `target` has run, with what it has retired by that. Under `monitor`.
  func hasExecuted(to target: UInt64) -> Bool {
    executedSerial >= target && lineages.allSatisfy { $0.origin > target }
  }

  /// Runs `action` when all that was retired before has run: at once, or on the runner's thread.
  func whenDrained(_ action: @escaping @Sendable () -> Void) {
    requireGracePeriods()
    startOnce()
    let target = monitor.withLock { () -> UInt64? in
      let target = retiring.enqueuedSerial
      if hasExecuted(to: target) { return nil }
      drainActions.append(action, at: target)
      expedite()
      return target
    }
    guard let target else { return action() }
    if !hasStarted.load(ordering: .relaxed) { waitWithoutThread { hasExecuted(to: target) } }
  }

  /// Where no thread can be started, the caller does its work, though it mustn't block: nobody else
  /// would.
  func waitWithoutThread(_ condition: () -> Bool) {
    guard monitor.withLock({ !isRunner }) else { return }
    source.whileBlocked { waitUntil(condition) }
  }

  /// Whether a thread other than the caller still brings retirements to their end.
  var canBeWaitedFor: Bool { monitor.withLock { !isRunner && !hasStopped } }

  /// Whether the caller runs a batch now. Under `monitor`.
  var isRunner: Bool {
    guard let runner = retiring.runner else { return false }
    return pthread_equal(runner, pthread_self()) != 0
  }

  func requireGracePeriods() { trapIfForkedInsideSection(source.wasForkedInsideSection) }

  /// Lets the thread begin at once what is there. Under `monitor`.
  func expedite() {
    isUrgent = true
    monitor.signalAll()
  }

  /// Wakes the thread from having nothing to do. Under `monitor`; others need not wake it again.
  func wakeThread() {
    retiring.isIdle = false
    monitor.signalAll()
  }

  /// Waits until `condition`, which runs under `monitor`, holds; at most until `deadline`, in
  /// `sysshims_now`'s time. Where there is no thread to bring that about, does its work.
  ///
  /// - Returns: whether it holds.
  @discardableResult
  func waitUntil(deadline: UInt64 = .max, _ condition: () -> Bool) -> Bool {
    while true {
      // Order of locks: `progress`, then `monitor`. The runner signals `progress` with neither
      // held but its own, after it updated the counters: no wake-up is lost.
      let (holds, helps) = progress.withLock { () -> (Bool, Bool) in
        while true {
          let (holds, helps) = monitor.withLock { (hasStopped || condition(), isUnattended) }
          if holds || helps { return (holds, helps) }
          if sysshims_now() >= deadline { return (false, false) }
          if deadline == .max { progress.wait() } else { progress.wait(until: deadline) }
        }
      }
      guard helps && !holds else { return holds }
      startOnce()
      help()
    }
  }

  /// How long a deferred call may run before nobody waits for its end.
  private static let patienceNanoseconds: UInt64 = 10_000_000

  /// Past a limit: waits for the runner until the limit holds. But not for a deferred call that
  /// doesn't return: it may wait for a lock that the caller has.
  private func returnBelowLimit() {
    requireGracePeriods()
    monitor.withLock {
      retiring.counters.waitCount += 1
      expedite()
    }
    var lastCall: UInt64?
    while !waitUntil(deadline: sysshims_now() + Self.patienceNanoseconds, { !retiring.isOver }) {
      let call = runningCallNumber.load(ordering: .relaxed)
      let isRunning = runningCall.load(ordering: .relaxed) != 0
      if isRunning && call == lastCall {
        return monitor.withLock { retiring.counters.overLimitCount += 1 }
      }
      lastCall = isRunning ? call : nil
    }
  }

  /// Whether there is something to run, nobody at it, and no thread that will come to it. Under
  /// `monitor`.
  private var isUnattended: Bool {
    retiring.runner == nil && hasWork && !hasStarted.load(ordering: .relaxed)
  }

  /// Runs a batch in the place of the thread, which couldn't be started.
  private func help() {
    var batch = RetirementQueue()
    let helps = monitor.withLock { () -> Bool in
      guard isUnattended else { return false }
      retiring.counters.helpCount += 1
      takeBatch(&batch)
      return true
    }
    if helps { source.asReader { runBatch(&batch) } }
  }
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
