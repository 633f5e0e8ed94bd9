// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization
internal import _RCUShims
internal import _SystemShims

// A child has the memory of all threads, but only the forking thread. So before a fork, that thread
// takes the role of every runner, so that no batch is in progress, and every lock. After the fork,
// it gives them back; in the child, it initialises them anew. A fork doesn't wait for a runner that
// waits for sections which may suspend, since such a section may wait for the fork; instead, it
// keeps that runner where it is.
//
// The reclaimers' locks come last, after liburcu's. A thread that waits for a grace period holds
// liburcu's locks, and may wait for a reader that retires something in its section and so needs the
// reclaimers' locks to leave it.

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

  /// Reclaimers that were removed after the fork began still wait to get their role back.
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
  /// Waits until no batch is in progress, and keeps other threads from taking one. If the source
  /// allows forks in a grace period, a batch that only waits for its grace period is kept there
  /// instead. A fork in a deferred call has the role already; a fork inside a read section can't
  /// wait for it.
  func takeRoleToFork() {
    guard !source.mustNotWaitToFork else { return }
    source.whileBlocked {
      waitUntil {
        // Only one fork at a time.
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

  /// In a child that doesn't have the runner, makes its batch the next one again.
  private func takeBackBatch() {
    forkHolder = nil
    retiring.runner = nil
    // Nothing here may look up a type: another thread may have held the runtime's lock.
    swap(&retiring.queue, &waitingBatch)
    waitingBatch.removeAll { retiring.queue.append($0) }
    startedGracePeriod = endedGracePeriod.load(ordering: .relaxed)
  }

  func lockToFork() {
    progress.lock()
    monitor.lock()
  }

  /// Called under `monitor`.
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
    // A fork in a deferred call: this thread is and stays the reclaimer's.
    if let thread, pthread_equal(thread, pthread_self()) != 0 { return }
    thread = nil
    endsThread = false
    // The next retirement starts a thread; pending retirements would otherwise wait until then.
    nextStart.store(0, ordering: .relaxed)
    hasStarted.store(false, ordering: .relaxed)
  }
}
