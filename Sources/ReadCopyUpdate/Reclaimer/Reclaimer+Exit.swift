// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

// What the end of the process means for reclaimers.

extension _Reclaimer {
  /// All reclaimers in use.
  static let known = ReclaimerRegistry()

  /// Adds this reclaimer to the registry, unless it is there already.
  @inline(__always)
  func register() {
    if !isKnown.load(ordering: .relaxed) { _Reclaimer.known.add(self) }
  }

  /// How long the exit of the process waits for what is pending, in all domains together. A section
  /// that is still open would otherwise hold it up for ever.
  static let exitWaitNanoseconds: UInt64 = 1_000_000_000

  /// Makes the thread run what is pending, and then end; at exit.
  func stopSoon() {
    monitor.withLock {
      isStopping = true
      monitor.signalAll()
    }
  }

  /// Waits for the thread to end, at exit, and reports what is left.
  func stopAtExit(deadline: UInt64) {
    let thread = monitor.withLock { () -> pthread_t? in
      // A forgotten reclaimer whose thread has ended has already detached it.
      guard !isRunner && !(isForgotten && hasStopped) else { return nil }
      isJoined = true
      return self.thread
    }
    guard let thread else { return reportLeak() }
    let now = sysshims_now()
    let milliseconds = deadline > now ? UInt32((deadline - now) / 1_000_000) : 0
    if sysshims_join_thread(thread, milliseconds) != 0 {
      reportLeak()
      pthread_detach(thread)
    }
  }

  /// Makes the thread run what is pending, and then end, without waiting for that. For a reclaimer
  /// that nobody can use any more. It stays in the registry until then, since the process may exit
  /// earlier.
  func finishAndForget() {
    let isDone = monitor.withLock { () -> Bool in
      isStopping = true
      isForgotten = true
      monitor.signalAll()
      return thread == nil && retiring.counters.pendingCount == 0
    }
    if isDone { _Reclaimer.known.remove(self) }
  }

  /// Reports what is left at exit, and why.
  private func reportLeak() {
    let (statistics, isRunning) = monitor.withLock { (retiring.statistics, retiring.isRunning) }
    guard statistics.pendingCount > 0 else { return }
    let readers = isRunning ? [] : source.blockingReaders()
    let reason =
      isRunning
      ? "; a deferred call or a deinit still runs: \(RunningCall.name(of: runningCall.function))"
      : readers.isEmpty
        ? "" : "; an open read section holds them up: " + RCUStall.list(readers)
    writeError(
      "\(source.title): at exit \(statistics.pendingCount) retirements with \(statistics.pendingBytes) bytes are not reclaimed\(reason)"
    )
  }

  /// Waits until everything that was retired before has run, but at most until `deadline`, and then
  /// ends the thread. The next retirement starts another one.
  ///
  /// - Returns: whether everything has run.
  func shutDown(deadline: UInt64) -> Bool {
    require(
      monitor.withLock { !isRunner },
      "RCUDomain.shutdown in a deferred call waits for itself; call it from another thread")
    let target = hurryAll()
    var isDone = false
    source.whileBlocked {
      isDone = waitUntil(deadline: deadline) { hasExecuted(to: target) }
      guard isDone else { return }
      monitor.withLock {
        endsThread = thread != nil
        expedite()
      }
      waitUntil(deadline: deadline) { !endsThread }
    }
    return isDone
  }
}
