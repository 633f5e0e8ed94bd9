// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

// A child has the memory of all threads and only the forking one of them. So before a fork that
// thread takes the role of every runner, which means that no batch is under way, and every lock;
// after it, it gives them back, or in the child makes them anew. A runner that waits for sections
// which may suspend is not waited for, since those may wait for the fork: it is held where it is.
//
// The locks come last, after liburcu's, which a thread holds that waits for a grace period: it
// may wait for a reader that retires in its section, hence needs the locks to leave it.

extension ReclaimerRegistry {
  func prepareFork() {
    let found = monitor.withLock { () -> [_Reclaimer] in
      forks.append((pthread_self(), reclaimers))
      return reclaimers
    }
    for reclaimer in found { reclaimer.takeRoleToFork() }
  }

  func lockToFork() {
    monitor.lock()
    for reclaimer in reclaimers { reclaimer.lockToFork() }
    StallWatch.shared.lockToFork()
  }

  func endFork(inChild: Bool) {
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
  func takeRoleToFork() {
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

  func giveRoleToFork(by thread: pthread_t) {
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

  func lockToFork() {
    progress.lock()
    monitor.lock()
  }

  /// Under `monitor`.
  func returnRoleAfterFork() {
    if forkTookRole && isRunner {
      forkTookRole = false
      retiring.runner = nil
    }
    if let holder = forkHolder, pthread_equal(holder, pthread_self()) != 0 { forkHolder = nil }
  }

  func unlockAfterFork(inChild: Bool) {
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
