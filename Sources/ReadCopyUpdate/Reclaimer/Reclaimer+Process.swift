// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

// What the end and the fork of a process mean for reclaimers.

extension _Reclaimer {
  /// All reclaimers in use.
  static let known = KnownReclaimers()

  /// Takes part in what is done with all reclaimers.
  @inline(__always)
  func becomeKnown() {
    if !isKnown.load(ordering: .relaxed) { _Reclaimer.known.add(self) }
  }

  /// How long the process's exit waits for what is pending, in all domains together. A section that is open at
  /// exit would hold it up for ever.
  fileprivate static let exitWaitNanoseconds: UInt64 = 1_000_000_000

  /// Lets the thread run what is pending, and end; at exit.
  fileprivate func stopSoon() {
    monitor.withLock {
      isStopping = true
      monitor.signalAll()
    }
  }

  /// Waits for the thread's end, at exit, and says what is left.
  fileprivate func stopAtExit(deadline: UInt64) {
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

  /// Waits until all that was retired before has run, at most until `deadline`, and then ends the thread: the
  /// next retirement starts another.
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
        hurry()
      }
      waitUntil(deadline: deadline) { !endsThread }
    }
    return isDone
  }
}

/// The reclaimers in use, and what is done with all of them.
final class KnownReclaimers: @unchecked Sendable {
  // Sendable: the fields are read and written under `monitor`.
  private let monitor = Monitor()
  private var reclaimers: [_Reclaimer] = []
  private var stopsReclaimers = false
  /// What is between the two ends of a fork: who forks, and whose roles it took.
  private var forks: [(thread: pthread_t, reclaimers: [_Reclaimer])] = []

  // With elements of its own: what a shared array's references order, ThreadSanitizer doesn't see.
  var all: [_Reclaimer] { monitor.withLock { reclaimers.map { $0 } } }

  func withLock(_ body: () -> Void) { monitor.withLock(body) }

  func add(_ reclaimer: _Reclaimer) {
    setForkHooks()
    monitor.withLock {
      guard !reclaimer.isKnown.load(ordering: .relaxed) else { return }
      reclaimers.append(reclaimer)
      // It has run nothing yet, and begins after the fork.
      if let fork = forks.first {
        reclaimer.giveRoleToFork(by: fork.thread)
        forks[0].reclaimers.append(reclaimer)
      }
      reclaimer.isKnown.store(true, ordering: .relaxed)
      stopReclaimersAtExit()
    }
  }

  func remove(_ reclaimer: _Reclaimer) {
    monitor.withLock { reclaimers.removeAll { $0 === reclaimer } }
  }

  /// Under `monitor`.
  private func stopReclaimersAtExit() {
    guard !stopsReclaimers else { return }
    stopsReclaimers = true
    // liburcu's own destructor, which comes after `atexit`, gives back the registry that a grace
    // period walks.
    atexit {
      // Other threads of its parent may have held any lock.
      if rcushims_is_stranded() { return }
      StallWatch.shared.stop()
      let deadline = sysshims_now() + _Reclaimer.exitWaitNanoseconds
      let reclaimers = _Reclaimer.known.all
      for reclaimer in reclaimers { reclaimer.stopSoon() }
      for reclaimer in reclaimers { reclaimer.stopAtExit(deadline: deadline) }
    }
  }

  /// Out of `monitor`, which the hooks take: this may wait for a fork that has none.
  private func setForkHooks() {
    rcushims_set_fork_hooks(
      rcushims_fork_hooks(
        before: { _Reclaimer.known.prepareFork() },
        lock: { _Reclaimer.known.lockToFork() },
        after_in_parent: { _Reclaimer.known.endFork(inChild: false) },
        after_in_child: { _Reclaimer.known.endFork(inChild: true) }))
  }

  // MARK: fork
  //
  // A child has the memory of all threads and only the forking one of them. So before a fork that
  // thread takes the role of every runner, which means that no batch is under way, and every lock;
  // after it, it gives them back, or in the child makes them anew. A runner that waits for sections
  // which may suspend is not waited for, since those may wait for the fork: it is held where it is.
  //
  // The locks come last, after liburcu's, which a thread holds that waits for a grace period: it
  // may wait for a reader that retires in its section, hence needs the locks to leave it.

  fileprivate func prepareFork() {
    let found = monitor.withLock { () -> [_Reclaimer] in
      forks.append((pthread_self(), reclaimers))
      return reclaimers
    }
    for reclaimer in found { reclaimer.takeRoleToFork() }
  }

  fileprivate func lockToFork() {
    monitor.lock()
    for reclaimer in reclaimers { reclaimer.lockToFork() }
    StallWatch.shared.lockToFork()
  }

  fileprivate func endFork(inChild: Bool) {
    StallWatch.shared.unlockAfterFork(inChild: inChild)
    for reclaimer in reclaimers { reclaimer.unlockAfterFork(inChild: inChild) }
    if inChild {
      forks = []
      monitor.startAfresh()
    } else {
      endForkOfRemoved()
      monitor.unlock()
    }
  }

  /// Reclaimers that were removed since the fork began still wait for their role.
  private func endForkOfRemoved() {
    guard let index = forks.firstIndex(where: { pthread_equal($0.thread, pthread_self()) != 0 })
    else { return }
    for reclaimer in forks.remove(at: index).reclaimers
    where !reclaimers.contains(where: { $0 === reclaimer }) {
      reclaimer.monitor.withLock {
        reclaimer.returnRoleAfterFork()
        reclaimer.wakeThread()
      }
    }
  }
}

extension _Reclaimer {
  /// Waits until no batch is under way, and keeps others from taking one; or until it only waits
  /// for its grace period, where that may last, and keeps it there. A fork in a deferred call has
  /// the role already; one inside a read section can't wait for it.
  fileprivate func takeRoleToFork() {
    guard !source.mustNotWaitToFork else { return }
    source.whileBlocked {
      waitUntil {
        // One fork at a time.
        if forkHolder != nil { return false }
        if retiring.runner != nil {
          let isWaiting = startedGracePeriod > endedGracePeriod.load(ordering: .relaxed)
          guard !isRunner && isWaiting && source.allowsForkInGracePeriod else { return isRunner }
          forkHolder = pthread_self()
          return true
        }
        retiring.runner = pthread_self()
        forkTookRole = true
        return true
      }
    }
  }

  fileprivate func giveRoleToFork(by thread: pthread_t) {
    monitor.withLock {
      retiring.runner = thread
      forkTookRole = true
    }
  }

  /// In a child that doesn't have the runner: its batch is the next one again.
  private func takeBackBatch() {
    forkHolder = nil
    retiring.runner = nil
    // Nothing here that could look up a type: another thread may have had the runtime's lock.
    swap(&retiring.queue, &waitingBatch)
    waitingBatch.removeAll { retiring.queue.append($0) }
    startedGracePeriod = endedGracePeriod.load(ordering: .relaxed)
  }

  fileprivate func lockToFork() {
    progress.lock()
    monitor.lock()
  }

  /// Under `monitor`.
  fileprivate func returnRoleAfterFork() {
    if forkTookRole && isRunner {
      forkTookRole = false
      retiring.runner = nil
    }
    if let holder = forkHolder, pthread_equal(holder, pthread_self()) != 0 { forkHolder = nil }
  }

  fileprivate func unlockAfterFork(inChild: Bool) {
    if inChild && forkHolder != nil { takeBackBatch() }
    returnRoleAfterFork()
    guard inChild else {
      wakeThread()
      progress.signalAll()
      monitor.unlock()
      progress.unlock()
      return
    }
    source.forgetOtherThreads()
    monitor.startAfresh()
    progress.startAfresh()
    waitStarts = []
    retiring.isIdle = false
    // A fork in a deferred call: this thread is, and stays, the reclaimer's.
    if let thread, pthread_equal(thread, pthread_self()) != 0 { return }
    thread = nil
    endsThread = false
    // The next retirement starts a thread; what is pending would wait for it till then.
    nextStart.store(0, ordering: .relaxed)
    hasStarted.store(false, ordering: .relaxed)
  }
}
