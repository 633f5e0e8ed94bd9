// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

/// Turns retirements into reclamation: a queue, and a thread that works through it.
///
/// A thread that retires something appends it to `queue`. The thread with the role of the *runner*
/// takes the whole queue as one batch, waits for one grace period, and runs the batch. What is
/// retired meanwhile forms the next batch, so that batches grow with the load. The runner is the
/// reclaimer's own thread or, if the system refuses to start that, a thread that waits for it.
/// (liburcu's `call_rcu` polls every 10 ms instead, and its queue grows without bound.)
///
/// The runner destroys objects, and leaves their memory to threads that retire: see
/// `RecycledBlocks`. For what is retired by the destruction of something else, see
/// `Reclaimer+Nested.swift`.
///
/// No user code runs, and no user object is released, under a lock of the reclaimer.
///
/// Invariants, under `monitor`:
/// - `statistics.pendingCount` = the retirements in the queue, in `waitingBatch`, in `nested` and
///   in `lineages`, and those of the batch that have not run.
/// - `executedSerial <= enqueuedSerial`; retirements run in the order of their serials, since there
///   is one runner at a time. What is retired by the destruction of something else has no serial.
/// - `startedGracePeriod` counts the runner's grace periods. `endedGracePeriod` is equal to it, or
///   one less while the runner waits.
/// - The thread runs from the first retirement to the exit of the process. What is retired after
///   that never runs, and nobody waits for it.
@safe
public final class _Reclaimer: @unchecked Sendable {
  // Sendable: every mutable field except the atomic ones is accessed under `monitor`.
  let source: any GracePeriodSource
  let monitor = Monitor()
  // Signalled when something has ended. Threads past a limit and barriers wait for it.
  let progress = Monitor()

  private let state: UnsafeMutablePointer<ReclaimerState>
  /// Used only by the runner.
  let nested: UnsafeMutablePointer<NestedRetirements>
  var executedSerial: UInt64 = 0

  // The thread.
  let hasStarted = Atomic(false)
  var thread: pthread_t?
  /// When to try again to start the thread, in `sysshims_now`'s time.
  let nextStart = Atomic<UInt64>(0)
  /// Whether a limit is exceeded. Written under `monitor`; read as a hint.
  let isOverLimit = Atomic(false)
  /// Nobody can use this reclaimer any more; it ends when everything has run.
  var isForgotten = false
  /// Another thread joins the thread.
  var isJoined = false
  let runningCall = RunningCall()
  /// The process exits, or nobody can use this reclaimer any more.
  var isStopping = false
  /// The thread is to end when nothing is left; the next retirement starts another one.
  var endsThread = false
  var hasStopped = false
  var lastBatchCount = 0
  /// The runner's batch while it waits for the grace period; otherwise empty.
  var waitingBatch = RetirementQueue()

  // Grace periods.
  var startedGracePeriod: UInt64 = 0
  /// The last grace period that was requested.
  var requestedGracePeriod: UInt64 = 0
  // Written by the runner under `monitor`; read without it.
  let endedGracePeriod = Atomic<UInt64>(0)
  /// A thread waits, so the batch must not be given time to grow.
  var isUrgent = false
  /// The beginnings of all current waits for a grace period.
  var waitStarts: [UInt64] = []

  // Sorted by target.
  var drainActions = AwaitingActions()
  var gracePeriodActions = AwaitingActions()

  /// What earlier batches have led to, and that waits.
  var lineages: [Lineage] = []

  // Diagnostics and fork.
  let isKnown = Atomic(false)
  var stallMonitor = RCUStallMonitor()
  /// The wait that was reported last, and how long it must last to be reported again.
  var reportedWait: (start: UInt64, nextNanoseconds: UInt64) = (0, 0)
  /// The pools of blocks, under `monitor`.
  private(set) var pools: [PoolShared] = []
  /// The same for a pool's wait.
  var reportedPoolWait: (start: UInt64, nextNanoseconds: UInt64) = (0, 0)
  /// The same for a call: its number, and when it was first seen.
  var reportedCall: (number: UInt, since: UInt64, nextNanoseconds: UInt64) = (0, 0, 0)
  /// The forking thread has the role of the runner, but only during the fork.
  var forkTookRole = false
  /// The thread that, during its fork, keeps another thread, the runner, from continuing after its
  /// grace period.
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

  /// For flavors; public so that a test program can make a flavor that leaves something out.
  ///
  /// - Safety: readers lose whatever the flavor's sections and grace periods leave out.
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

  /// Adds a pool, whose blocks wait for this domain's readers without the reclaimer.
  func add(_ pool: PoolShared) { monitor.withLock { pools.append(pool) } }

  func remove(_ pool: PoolShared) { monitor.withLock { pools.removeAll { $0 === pool } } }

  var limits: RCULimits {
    get { monitor.withLock { retiring.bounds } }
    set {
      monitor.withLock {
        retiring.bounds = newValue
        noteLimit()
      }
      // Waiting threads may go on under a higher limit.
      progress.withLock { progress.signalAll() }
    }
  }

  /// Accessed under `monitor`.
  var retiring: ReclaimerState {
    @inline(__always)
    unsafeAddress { unsafe UnsafePointer(state) }
    @inline(__always)
    unsafeMutableAddress { unsafe state }
  }

  /// Takes over `retirement`.
  ///
  /// - Parameter mayWait: whether this may wait for the reclaimer past a limit. False for a thread
  ///   that must not block.
  /// - Parameter owner: the address of the pointer that owned what is retired, if that pointer is
  ///   being destroyed; 0 if not.
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
    // The thread may have ended since the first check.
    let hasThread = hasStarted.load(ordering: .relaxed)
    monitor.unlock()
    unsafe spent?.deallocate()
    if !hasThread { startOnce() }
    if waits { source.whileBlocked { returnBelowLimit() } }
  }

  /// Past a limit, waits for the reclaimer if that is allowed: for callers that are about to retire
  /// something without waiting.
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

  /// Counts the bytes of a container that was dropped; negative ones when it has been destroyed.
  func addDroppedBytes(_ bytes: Int) {
    monitor.withLock {
      retiring.droppedBytes += Int128(bytes)
      retiring.notePeak()
    }
  }

  /// Called under `monitor`.
  func noteLimit() {
    let isOver = retiring.isOver
    if isOver != isOverLimit.load(ordering: .relaxed) {
      isOverLimit.store(isOver, ordering: .relaxed)
    }
  }

  /// Waits until everything that was retired before has run.
  func waitUntilDrained() {
    require(
      monitor.withLock { !isRunner },
      "RCUDomain.barrier() in a deferred call waits for itself; call it from another thread")
    let target = hurryAll()
    source.whileBlocked { waitUntil { hasExecuted(to: target) } }
  }

  /// Makes the thread start what is pending at once; returns the last serial in it.
  func hurryAll() -> UInt64 {
    requireGracePeriods()
    startOnce()
    return monitor.withLock {
      expedite()
      return retiring.enqueuedSerial
    }
  }

  /// Whether everything up to the serial `target` has run, including what that has retired. Called
  /// under `monitor`.
  func hasExecuted(to target: UInt64) -> Bool {
    executedSerial >= target && lineages.allSatisfy { $0.origin > target }
  }

  /// Runs `action` after everything that was retired before has run: at once, or on the runner's
  /// thread.
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

  /// If no thread can be started, the caller does its work, though it must not block: nobody else
  /// would do it.
  func waitWithoutThread(_ condition: () -> Bool) {
    guard monitor.withLock({ !isRunner }) else { return }
    source.whileBlocked { waitUntil(condition) }
  }

  /// Whether a thread other than the caller still runs retirements.
  var canBeWaitedFor: Bool { monitor.withLock { !isRunner && !hasStopped } }

  /// Whether the caller is running a batch. Called under `monitor`.
  var isRunner: Bool {
    guard let runner = retiring.runner else { return false }
    return pthread_equal(runner, pthread_self()) != 0
  }

  func requireGracePeriods() { trapIfForkedInsideSection(source.wasForkedInsideSection) }

  /// Makes the thread start what is pending at once. Called under `monitor`.
  func expedite() {
    isUrgent = true
    monitor.signalAll()
  }

  /// Wakes the idle thread, so that others needn't. Called under `monitor`.
  func wakeThread() {
    retiring.isIdle = false
    monitor.signalAll()
  }

  /// Waits until `condition`, which is called under `monitor`, holds, but at most until `deadline`,
  /// in `sysshims_now`'s time. If there is no thread to bring that about, does that thread's work.
  ///
  /// - Returns: whether `condition` holds.
  @discardableResult
  func waitUntil(deadline: UInt64 = .max, _ condition: () -> Bool) -> Bool {
    while true {
      // Order of locks: `progress`, then `monitor`. The runner updates the counters first, and then
      // signals `progress` while it holds no other lock, so no wake-up is lost.
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

  /// How long a deferred call may run before threads stop waiting for its end.
  private static let patienceNanoseconds: UInt64 = 10_000_000

  /// Past a limit, waits for the runner until the limit holds. But doesn't wait for a deferred call
  /// that doesn't return: it may be waiting for a lock that the caller holds.
  private func returnBelowLimit() {
    requireGracePeriods()
    monitor.withLock {
      retiring.counters.waitCount += 1
      expedite()
    }
    var lastCall: UInt?
    while !waitUntil(deadline: sysshims_now() + Self.patienceNanoseconds, { !retiring.isOver }) {
      let call = runningCall.number
      let isRunning = runningCall.function != 0
      if isRunning && call == lastCall {
        return monitor.withLock { retiring.counters.overLimitCount += 1 }
      }
      lastCall = isRunning ? call : nil
    }
  }

  /// Whether there is work that no thread is doing or will come to. Called under `monitor`.
  private var isUnattended: Bool {
    retiring.runner == nil && hasWork && !hasStarted.load(ordering: .relaxed)
  }

  /// Runs a batch in place of the thread, which couldn't be started.
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

/// Actions that run on the runner's thread when a count has reached their target.
struct AwaitingActions {
  private var actions: [(target: UInt64, action: @Sendable () -> Void)] = []

  /// The targets must not decrease.
  mutating func append(_ action: @escaping @Sendable () -> Void, at target: UInt64) {
    actions.append((target, action))
  }

  /// Removes and returns the actions whose target has been reached.
  mutating func take(reached count: UInt64) -> [@Sendable () -> Void] {
    guard !actions.isEmpty else { return [] }
    let reached = actions.prefix { $0.target <= count }
    actions.removeFirst(reached.count)
    return reached.map(\.action)
  }
}
