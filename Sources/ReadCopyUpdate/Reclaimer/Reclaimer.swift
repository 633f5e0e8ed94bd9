// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _RCUShims

/// One thread per domain that turns retirements into reclamation.
///
/// The retiring thread appends to `queue`. The reclaimer takes the whole queue as one batch, waits
/// for one grace period, and runs the batch: what is retired during a grace period is the next
/// batch, so that batches grow with the load by themselves. liburcu's `call_rcu` polls every 10 ms
/// instead, and lets the queue grow without bound.
///
/// Invariants, under `monitor`:
/// - `statistics.pendingCount` = retirements in `queue` plus those of the batch that have not run.
/// - `executedSerial <= enqueuedSerial`; retirements run in the order of their serials.
/// - The thread runs from the first retirement to the process's exit. What is retired after that is
///   never run, and nobody waits for it.
@safe
public final class _Reclaimer: @unchecked Sendable {
  // Sendable: every mutable field is read and written under `monitor`.
  private let flavor: any RCUFlavor.Type
  private let monitor = Monitor()
  // Signalled when a batch has run. Waiters: threads past a limit, and barriers.
  private let progress = Monitor()

  private var queue: [_Retirement] = []
  private var enqueuedSerial: UInt64 = 0
  private var executedSerial: UInt64 = 0
  private var counters = RCUStatistics()
  private var bounds = RCULimits()
  private var isIdle = false
  private var isStopping = false
  private var hasStopped = false
  // Sorted by serial.
  private var drainActions: [DrainAction] = []
  private var thread: pthread_t?

  /// What to run, on the reclaimer thread, when the retirement `serial` has run.
  private struct DrainAction {
    let serial: UInt64
    let action: @Sendable () -> Void
  }

  init(flavor: any RCUFlavor.Type) { self.flavor = flavor }

  /// The most retirements whose array is kept for the next batch; a larger one is given back.
  private static let keptCapacityMax = 4096

  public var statistics: RCUStatistics { monitor.withLock { counters } }

  var limits: RCULimits {
    get { monitor.withLock { bounds } }
    set {
      monitor.withLock { bounds = newValue }
      // Those who wait may go on under a higher limit.
      progress.withLock { progress.signalAll() }
    }
  }

  func countGracePeriod() { monitor.withLock { counters.gracePeriodCount += 1 } }

  /// Takes over `retirement`. Waits for the reclaimer past a limit, where that is allowed.
  @usableFromInline
  func retire(_ retirement: _Retirement) { retire(retirement, isBounded: true) }

  /// - Parameter isBounded: false by a thread that must not block: the limits are not looked at.
  func retire(_ retirement: _Retirement, isBounded: Bool) {
    let isOverLimit = monitor.withLock { () -> Bool in
      if thread == nil { start() }
      queue.append(retirement)
      enqueuedSerial += 1
      counters.pendingCount += 1
      counters.pendingBytes += retirement.bytes
      counters.pendingBytesPeak = max(counters.pendingBytesPeak, counters.pendingBytes)
      if isIdle { monitor.signalAll() }
      guard isBounded && isOver else { return false }
      let mayWait = !flavor._isInReadSection && !isReclaimerThread
      if mayWait { counters.waitCount += 1 } else { counters.overLimitCount += 1 }
      return mayWait
    }
    if isOverLimit { waitUntil { !isOver } }
  }

  /// Waits until all that was retired before has run.
  func waitUntilDrained() {
    precondition(
      monitor.withLock { !isReclaimerThread },
      "RCUDomain.barrier() on the reclaimer thread waits for itself; call it from another thread")
    let target = monitor.withLock { enqueuedSerial }
    waitUntil { executedSerial >= target }
  }

  /// Runs `action` when all that was retired before has run: at once, or on the reclaimer thread.
  func whenDrained(_ action: @escaping @Sendable () -> Void) {
    let isDrained = monitor.withLock { () -> Bool in
      if executedSerial >= enqueuedSerial { return true }
      drainActions.append(DrainAction(serial: enqueuedSerial, action: action))
      return false
    }
    if isDrained { action() }
  }

  private var isOver: Bool {
    counters.pendingBytes > bounds.pendingBytesMax || counters.pendingCount > bounds.pendingCountMax
  }

  /// Whether a thread other than the caller still brings retirements to their end.
  var canBeWaitedFor: Bool { monitor.withLock { !isReclaimerThread && !hasStopped } }

  private var isReclaimerThread: Bool {
    guard let thread else { return false }
    return pthread_equal(thread, pthread_self()) != 0
  }

  /// Waits until `condition`, which runs under `monitor`, holds.
  private func waitUntil(_ condition: () -> Bool) {
    // Order of locks: `progress`, then `monitor`. The reclaimer signals `progress` with neither
    // held but its own, after it updated the counters: no wake-up is lost.
    progress.withLock {
      while !monitor.withLock({ hasStopped || condition() }) { progress.wait() }
    }
  }
}

// MARK: - The thread

extension _Reclaimer {
  /// How long the process's exit waits for what is pending. A section that is open at exit would
  /// hold it up for ever.
  private static let exitWaitMilliseconds: UInt32 = 1000

  /// Starts the thread. Called under `monitor`.
  private func start() {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe rcushims_start_thread(
      &thread, "rcu-\(flavor.name)",
      { context in
        let reclaimer = unsafe Unmanaged<_Reclaimer>.fromOpaque(context.unsafelyUnwrapped)
        unsafe reclaimer.takeRetainedValue().run()
        return nil
      }, context)
    precondition(error == 0, "RCUDomain: no thread for the reclaimer, errno \(error)")
    self.thread = thread
    _Reclaimer.stopAtExit(self)
  }

  private func run() {
    flavor._prepareReclaimerThread()
    var batch: [_Retirement] = []
    while takeBatch(&batch) {
      flavor._waitForGracePeriod()
      let count = batch.count
      let bytes = batch.reduce(0) { $0 + $1.bytes }
      // Each goes as it has run, with what it captured: before anyone is told that it has.
      batch.reverse()
      while let retirement = batch.popLast() { retirement.run() }
      if batch.capacity > Self.keptCapacityMax { batch = [] }
      finish(count: count, bytes: bytes)
    }
    flavor._finishReclaimerThread()
    monitor.withLock { hasStopped = true }
    progress.withLock { progress.signalAll() }
  }

  /// Waits for retirements and takes all of them. False: stopping, and nothing is left.
  private func takeBatch(_ batch: inout [_Retirement]) -> Bool {
    monitor.withLock {
      while queue.isEmpty && !isStopping {
        isIdle = true
        monitor.wait()
      }
      isIdle = false
      swap(&batch, &queue)
      return !batch.isEmpty
    }
  }

  private func finish(count: Int, bytes: Int) {
    let drained = monitor.withLock { () -> [DrainAction] in
      counters.gracePeriodCount += 1
      counters.executedCount += count
      counters.pendingCount -= count
      counters.pendingBytes -= bytes
      executedSerial += UInt64(count)
      guard !drainActions.isEmpty else { return [] }
      let firstPending = drainActions.firstIndex { $0.serial > executedSerial }
      let drained = drainActions.prefix(upTo: firstPending ?? drainActions.endIndex)
      drainActions.removeFirst(drained.count)
      return Array(drained)
    }
    progress.withLock { progress.signalAll() }
    for waiting in drained { waiting.action() }
  }

  /// Runs what is pending and ends the thread.
  fileprivate func stop() {
    let thread = monitor.withLock { () -> pthread_t? in
      isStopping = true
      monitor.signalAll()
      return isReclaimerThread ? nil : self.thread
    }
    if let thread { _ = rcushims_join_thread(thread, Self.exitWaitMilliseconds) }
  }
}

// MARK: - Exit

extension _Reclaimer {
  /// Stops `reclaimer` at exit: liburcu's own destructor, which comes after `atexit`, gives back
  /// the registry that a grace period walks.
  private static func stopAtExit(_ reclaimer: _Reclaimer) {
    guard stopping.append(reclaimer) == 1 else { return }
    atexit {
      for reclaimer in _Reclaimer.stopping.all { reclaimer.stop() }
    }
  }

  private static let stopping = StopList()
}

/// The reclaimers that were started.
private final class StopList: @unchecked Sendable {
  // Sendable: `reclaimers` is read and written under `monitor`.
  private let monitor = Monitor()
  private var reclaimers: [_Reclaimer] = []

  var all: [_Reclaimer] { monitor.withLock { reclaimers } }

  /// Returns how many there are now.
  func append(_ reclaimer: _Reclaimer) -> Int {
    monitor.withLock {
      reclaimers.append(reclaimer)
      return reclaimers.count
    }
  }
}
