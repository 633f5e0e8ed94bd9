// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims

// The role of the runner, and the thread that usually has it.

extension _Reclaimer {
  /// The most retirements whose array is kept for the next batch; a larger one is given back.
  private static let keptCapacityMax = 4096

  /// How long the thread lets a batch grow before it starts the grace period. To be woken costs
  /// the retiring thread as much as a hundred retirements, and a grace period interrupts readers: who
  /// retires within this time is spared both.
  private static let batchingNanoseconds: UInt64 = 20_000
  /// The same while much is retired.
  private static let busyBatchingNanoseconds: UInt64 = 200_000
  /// A batch that shows that much is retired.
  private static let busyBatchCount = 64

  /// Starts the thread unless it runs.
  @inline(__always)
  func startOnce() {
    // Pairs with the releasing store in `start`, for what it initialises.
    if !hasStarted.load(ordering: .acquiring) { start() }
  }

  @inline(never)
  private func start() {
    becomeKnown()
    _Reclaimer.known.withLock {
      guard !hasStarted.load(ordering: .relaxed) else { return }
      var thread = pthread_t()
      let context = unsafe Unmanaged.passRetained(self).toOpaque()
      let error = unsafe rcushims_start_thread(
        &thread, "rcu-\(source.name)",
        { context in
          let reclaimer = unsafe Unmanaged<_Reclaimer>.fromOpaque(context.unsafelyUnwrapped)
          unsafe reclaimer.takeRetainedValue().runThread()
          return nil
        }, context)
      precondition(error == 0, "RCUDomain: no thread for the reclaimer, errno \(error)")
      monitor.withLock { self.thread = thread }
      hasStarted.store(true, ordering: .releasing)
    }
  }

  private func runThread() {
    rcushims_make_sleeps_exact()
    source.asReader {
      var batch: [_Retirement] = []
      while waitForWork(&batch) { runBatch(&batch) }
    }
    monitor.withLock { hasStopped = true }
    progress.withLock { progress.signalAll() }
  }

  private var growthNanoseconds: UInt64 {
    lastBatchCount < Self.busyBatchCount ? Self.batchingNanoseconds : Self.busyBatchingNanoseconds
  }

  private var hasWork: Bool { !queue.isEmpty || requestedGracePeriod > startedGracePeriod }

  /// Waits for work, and takes it. False: stopping, and nothing is left.
  private func waitForWork(_ batch: inout [_Retirement]) -> Bool {
    var mayWork = false
    source.whileBlocked {
      mayWork = monitor.withLock {
        var growsUntil: UInt64?
        while true {
          if hasWork && runner == nil {
            if isUrgent || isStopping { break }
            let now = rcushims_now()
            let end = growsUntil ?? now + growthNanoseconds
            if now >= end { break }
            growsUntil = end
            monitor.wait(until: end)
          } else if isStopping && runner == nil {
            return false
          } else {
            growsUntil = nil
            isIdle = true
            monitor.wait()
            isIdle = false
          }
        }
        takeBatch(&batch)
        return true
      }
    }
    return mayWork
  }

  /// Makes the caller the runner. Under `monitor`; there is none.
  func takeBatch(_ batch: inout [_Retirement]) {
    runner = pthread_self()
    isUrgent = false
    // The queue gets the memory of an earlier batch.
    swap(&batch, &queue)
    lastBatchCount = batch.count
    swap(&batch, &waitingBatch)
    startedGracePeriod += 1
  }

  /// Waits for the grace period, runs the batch, and gives the role back.
  func runBatch(_ batch: inout [_Retirement]) {
    waitForGracePeriod()
    endGracePeriod(&batch)
    let count = batch.count
    let bytes = batch.reduce(0) { $0 + $1.bytes }
    // Each goes as it has run, with what it captured: before anyone is told that it has.
    batch.reverse()
    while let retirement = batch.popLast() { retirement.run() }
    if batch.capacity > Self.keptCapacityMax { batch = [] }
    finish(count: count, bytes: bytes)
  }

  /// One grace period, counted and watched.
  func waitForGracePeriod() {
    becomeKnown()
    let start = rcushims_now()
    monitor.withLock { waitStarts.append(start) }
    StallWatch.shared.gracePeriodBegins()
    source.waitForGracePeriod()
    let end = rcushims_now()
    monitor.withLock {
      if let index = waitStarts.firstIndex(of: start) { waitStarts.remove(at: index) }
      counters.gracePeriodCount += 1
      counters.gracePeriodLatency.record(nanoseconds: end - start)
    }
  }

  private func endGracePeriod(_ batch: inout [_Retirement]) {
    let reached = monitor.withLock { () -> [@Sendable () -> Void] in
      while forkHolder != nil { monitor.wait() }
      swap(&batch, &waitingBatch)
      // Pairs with the acquiring load of a polled grace period.
      endedGracePeriod.store(startedGracePeriod, ordering: .releasing)
      return gracePeriodActions.take(reached: startedGracePeriod)
    }
    progress.withLock { progress.signalAll() }
    for action in reached { action() }
  }

  private func finish(count: Int, bytes: Int) {
    let drained = monitor.withLock { () -> [@Sendable () -> Void] in
      counters.executedCount += count
      counters.pendingCount -= count
      counters.pendingBytes -= bytes
      executedSerial += UInt64(count)
      runner = nil
      // The thread waits for the role while another has it.
      if isIdle && (hasWork || isStopping) { wakeThread() }
      return drainActions.take(reached: executedSerial)
    }
    progress.withLock { progress.signalAll() }
    for action in drained { action() }
  }
}

// MARK: - Polled grace periods

extension _Reclaimer {
  /// Asks for a grace period that starts after the call, and returns its number.
  func requestGracePeriod() -> UInt64 {
    requireGracePeriods()
    startOnce()
    return monitor.withLock {
      let target = startedGracePeriod + 1
      requestedGracePeriod = max(requestedGracePeriod, target)
      if isIdle && runner == nil { wakeThread() }
      return target
    }
  }

  /// - Memory ordering: acquiring. *Pairs with* the releasing store in `endGracePeriod`.
  func hasEnded(gracePeriod: UInt64) -> Bool {
    endedGracePeriod.load(ordering: .acquiring) >= gracePeriod
  }

  func wait(forGracePeriod target: UInt64) {
    requireGracePeriods()
    startOnce()
    monitor.withLock { hurry() }
    source.whileBlocked { waitUntil { hasEnded(gracePeriod: target) } }
  }

  /// Runs `action` at the end of that grace period: at once, or on the runner's thread.
  func when(gracePeriod target: UInt64, _ action: @escaping @Sendable () -> Void) {
    requireGracePeriods()
    startOnce()
    let isOver = monitor.withLock { () -> Bool in
      if hasEnded(gracePeriod: target) { return true }
      gracePeriodActions.append(action, at: target)
      hurry()
      return false
    }
    if isOver { action() }
  }
}
