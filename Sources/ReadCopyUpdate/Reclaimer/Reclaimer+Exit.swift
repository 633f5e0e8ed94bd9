// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _SystemShims

// What the end of a process means for reclaimers.

extension _Reclaimer {
  /// All reclaimers in use.
  static let known = ReclaimerRegistry()

  /// Takes part in what is done with all reclaimers.
  @inline(__always)
  func register() {
    if !isKnown.load(ordering: .relaxed) { _Reclaimer.known.add(self) }
  }

  /// How long the process's exit waits for what is pending, in all domains together. A section that
  /// is open at exit would hold it up for ever.
  static let exitWaitNanoseconds: UInt64 = 1_000_000_000

  /// Lets the thread run what is pending, and end; at exit.
  func stopSoon() {
    monitor.withLock {
      isStopping = true
      monitor.signalAll()
    }
  }

  /// Waits for the thread's end, at exit, and says what is left.
  func stopAtExit(deadline: UInt64) {
    let thread = monitor.withLock { () -> pthread_t? in
      // One that has been forgotten, and has ended, has detached itself.
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

  /// Runs what is pending and ends the thread, without waiting for that; for a reclaimer that
  /// nobody can use any more. It is known until then: the process may exit before.
  func finishAndForget() {
    let isDone = monitor.withLock { () -> Bool in
      isStopping = true
      isForgotten = true
      monitor.signalAll()
      return thread == nil && retiring.counters.pendingCount == 0
    }
    if isDone { _Reclaimer.known.remove(self) }
  }

  /// Says what is left at exit, and why.
  private func reportLeak() {
    let (statistics, isRunning) = monitor.withLock { (retiring.statistics, retiring.isRunning) }
    guard statistics.pendingCount > 0 else { return }
    let readers = isRunning ? [] : source.blockingReaders()
    let reason =
      isRunning
      ? "; a deferred call or a deinit still runs: \(RunningCall.name(of: runningCall.load(ordering: .relaxed)))"
      : readers.isEmpty
        ? "" : "; an open read section holds them up: " + RCUStall.list(readers)
    writeError(
      "\(source.title): at exit \(statistics.pendingCount) retirements with \(statistics.pendingBytes) bytes are not reclaimed\(reason)"
    )
  }

  /// Waits until all that was retired before has run, at most until `deadline`, and then ends the
  /// thread: the next retirement starts another.
  ///
  /// - Returns: whether all has run.
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
