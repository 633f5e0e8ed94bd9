// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

// The role of the runner, and the reclaimer's thread, which usually has it.

extension _Reclaimer {
  /// How long the thread lets a batch grow before it starts the grace period. Waking the thread
  /// costs a retiring thread as much as a hundred retirements, and a grace period interrupts
  /// readers. What is retired within this time costs neither.
  private static let batchingNanoseconds: UInt64 = 20_000
  /// The same under load.
  private static let busyBatchingNanoseconds: UInt64 = 200_000
  /// A batch of this size indicates load.
  private static let busyBatchCount = 64

  /// Starts the thread unless it is running.
  @inline(__always)
  func startOnce() {
    // Pairs with the releasing store in `start`: what that has initialised is seen here.
    if !hasStarted.load(ordering: .acquiring) { start() }
  }

  @inline(never)
  private func start() {
    register()
    // The system has recently refused to start a thread.
    guard sysshims_now() >= nextStart.load(ordering: .relaxed) else { return }
    _Reclaimer.known.withLock {
      guard !hasStarted.load(ordering: .relaxed) else { return }
      var thread = pthread_t()
      let context = unsafe Unmanaged.passRetained(self)
      let error = unsafe sysshims_start_thread(
        &thread, "rcu-\(source.name)", _Reclaimer.stackBytes.load(ordering: .relaxed),
        { context in
          let reclaimer = unsafe Unmanaged<_Reclaimer>.fromOpaque(context.unsafelyUnwrapped)
          unsafe reclaimer.takeRetainedValue().runThread()
          return nil
        }, context.toOpaque())
      guard error == 0 else {
        // There is a limit on threads or memory, for a moment or for good. Threads that wait for
        // the reclaimer do its work meanwhile.
        unsafe context.release()
        nextStart.store(sysshims_now() + Self.startPauseNanoseconds, ordering: .relaxed)
        return
      }
      monitor.withLock { self.thread = thread }
      hasStarted.store(true, ordering: .releasing)
    }
  }

  /// How long to wait before trying again to start a thread.
  private static let startPauseNanoseconds: UInt64 = 10_000_000

  /// The stack size in bytes of threads that are started from now on; 0 leaves it to the system.
  static let stackBytes = Atomic(0)

  private func runThread() {
    sysshims_make_sleeps_exact()
    sysshims_never_preempt()
    source.asReader {
      var batch = RetirementQueue()
      while waitForWork(&batch) { runBatch(&batch) }
    }
    let isForgotten = monitor.withLock { () -> Bool in
      guard isStopping else {
        pthread_detach(pthread_self())
        return false
      }
      hasStopped = true
      if self.isForgotten && !isJoined { pthread_detach(pthread_self()) }
      return self.isForgotten
    }
    progress.withLock { progress.signalAll() }
    if isForgotten { _Reclaimer.known.remove(self) }
  }

  private var growthNanoseconds: UInt64 {
    lastBatchCount < Self.busyBatchCount ? Self.batchingNanoseconds : Self.busyBatchingNanoseconds
  }

  /// Called under `monitor`.
  var hasWork: Bool {
    !retiring.queue.isEmpty || requestedGracePeriod > startedGracePeriod || !lineages.isEmpty
  }

  /// Waits for work, and takes it. Returns false if the thread is to stop and nothing is left.
  private func waitForWork(_ batch: inout RetirementQueue) -> Bool {
    var mayWork = false
    source.whileBlocked {
      mayWork = monitor.withLock {
        var growsUntil: UInt64?
        while true {
          if hasWork && retiring.runner == nil {
            if isUrgent || isStopping || endsThread || !lineages.isEmpty { break }
            let now = sysshims_now()
            let end = growsUntil ?? now + growthNanoseconds
            if now >= end { break }
            growsUntil = end
            monitor.wait(until: end)
          } else if isStopping && retiring.runner == nil {
            return false
          } else if endsThread && retiring.runner == nil {
            // From here on, the next retirement starts a new thread.
            endsThread = false
            thread = nil
            hasStarted.store(false, ordering: .relaxed)
            return false
          } else if retiring.spent.count > 0 {
            freeSpent()
          } else {
            growsUntil = nil
            retiring.isIdle = true
            monitor.wait()
            retiring.isIdle = false
          }
        }
        takeBatch(&batch)
        return true
      }
    }
    return mayWork
  }

  /// Frees the memory that no retiring thread has taken. Called under `monitor`, which it releases
  /// in the meantime.
  private func freeSpent() {
    var spent = RecycledBlocks()
    swap(&spent, &retiring.spent)
    monitor.unlock()
    spent.freeAll()
    monitor.lock()
  }

  /// Makes the caller the runner. Called under `monitor`, when there is no runner.
  func takeBatch(_ batch: inout RetirementQueue) {
    retiring.runner = pthread_self()
    isUrgent = false
    // The queue reuses the memory of an earlier batch.
    swap(&batch, &retiring.queue)
    lastBatchCount = batch.count
    swap(&batch, &waitingBatch)
    startedGracePeriod += 1
  }

  /// Waits for the grace period, runs the batch, and gives up the role.
  func runBatch(_ batch: inout RetirementQueue) {
    waitForGracePeriod()
    endGracePeriod(&batch)
    let (count, bytes) = (batch.count, batch.bytes)
    var run = BatchRun()
    runAll(&batch, &run)
    finish(count: count, bytes: bytes, &run)
  }

  /// Waits for one grace period, which is counted and watched.
  func waitForGracePeriod() {
    register()
    let start = sysshims_now()
    monitor.withLock { waitStarts.append(start) }
    StallWatch.shared.gracePeriodBegins()
    source.waitForGracePeriod()
    let end = sysshims_now()
    monitor.withLock {
      if let index = waitStarts.firstIndex(of: start) { waitStarts.remove(at: index) }
      retiring.counters.gracePeriodCount += 1
      retiring.counters.gracePeriodLatency.record(nanoseconds: end - start)
    }
  }

  private func endGracePeriod(_ batch: inout RetirementQueue) {
    let reached = monitor.withLock { () -> [@Sendable () -> Void] in
      while forkHolder != nil { monitor.wait() }
      swap(&batch, &waitingBatch)
      // Pairs with the acquiring load in `hasEnded`.
      endedGracePeriod.store(startedGracePeriod, ordering: .releasing)
      return gracePeriodActions.take(reached: startedGracePeriod)
    }
    progress.withLock { progress.signalAll() }
    for action in reached { action() }
  }

  /// Publishes the counts, and gives up the role. What is left in `spent` is memory of the batch
  /// before that no thread has taken.
  private func finish(count: Int, bytes: Int128, _ run: inout BatchRun) {
    let drained = monitor.withLock { () -> [@Sendable () -> Void] in
      retiring.counters.executedCount += count
      retiring.counters.pendingCount -= count
      retiring.pendingBytes -= bytes
      executedSerial += UInt64(count)
      retiring.runner = nil
      retiring.isRunning = false
      noteLimit()
      swap(&run.spent, &retiring.spent)
      // While another thread has the role, the reclaimer's thread waits for it; and only the
      // reclaimer's thread frees spent memory.
      if retiring.isIdle && (hasWork || isStopping || retiring.spent.count > 0) { wakeThread() }
      return drainActions.take(reached: lineages.reduce(executedSerial) { min($0, $1.origin - 1) })
    }
    progress.withLock { progress.signalAll() }
    for action in drained { action() }
  }
}

// MARK: - Polled grace periods

extension _Reclaimer {
  /// Requests a grace period that starts after the call, and returns its number.
  func requestGracePeriod() -> UInt64 {
    requireGracePeriods()
    startOnce()
    return monitor.withLock {
      let target = startedGracePeriod + 1
      requestedGracePeriod = max(requestedGracePeriod, target)
      if retiring.isIdle && retiring.runner == nil { wakeThread() }
      return target
    }
  }

  /// - Memory ordering: acquiring. *Pairs with* the releasing store in `endGracePeriod`.
  func hasEnded(gracePeriod: UInt64) -> Bool {
    endedGracePeriod.load(ordering: .acquiring) >= gracePeriod
  }

  func wait(forGracePeriod target: UInt64) {
    require(
      monitor.withLock { !isRunner },
      "RCUDomain.GracePeriod.wait() in a deferred call waits for itself; call it from another thread"
    )
    requireGracePeriods()
    startOnce()
    monitor.withLock { expedite() }
    source.whileBlocked { waitUntil { hasEnded(gracePeriod: target) } }
  }

  /// Runs `action` after the end of that grace period: at once if it has ended, or on the runner's
  /// thread.
  func when(gracePeriod target: UInt64, _ action: @escaping @Sendable () -> Void) {
    requireGracePeriods()
    startOnce()
    let isOver = monitor.withLock { () -> Bool in
      if hasEnded(gracePeriod: target) { return true }
      gracePeriodActions.append(action, at: target)
      expedite()
      return false
    }
    if isOver { return action() }
    if !hasStarted.load(ordering: .relaxed) { waitWithoutThread { hasEnded(gracePeriod: target) } }
  }
}
